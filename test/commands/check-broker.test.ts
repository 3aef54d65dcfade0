import { execFileSync } from 'node:child_process';
import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { encodePng } from '../../src/opencv/picture.js';
import { drawPart } from '../../src/sim/line.js';
import { freePort } from '../free-port.js';
import { hasMosquitto, startMosquitto } from '../mosquitto.js';
import { program } from '../program.js';
import { temporaryFolder, tinyBundle } from '../tiny-bundle.js';

const check = suite('check, and the broker');

check('logs in as the daemon would, and says what the broker refuses', async () => {
	if (!hasMosquitto()) return;
	await using folder = await temporaryFolder();
	const at = (name: string) => join(folder.path, name);
	await mkdir(at('pictures'));
	await writeFile(at('pictures/0.png'), encodePng(drawPart(1, 0, undefined, 96).image));
	await tinyBundle(at('bundle'));
	execFileSync('mosquitto_passwd', ['-c', '-b', at('passwords'), 'box', 'geheim7'], { stdio: 'ignore' });
	const may = ['state', 'health', 'config', 'config/schema', '+/state', '+/gap'].map(
		(topic) => `topic write inspectord/t/${topic}\n`,
	);
	const rules = `user box\n${may.join('')}`;
	await writeFile(at('acl'), `${rules}topic write inspectord/t/+/verdict\n`);
	for (const name of ['passwords', 'acl']) await chmod(at(name), name === 'acl' ? 0o600 : 0o644);
	const locked = ['allow_anonymous false', `password_file ${at('passwords')}`, `acl_file ${at('acl')}`];
	await using broker = await startMosquitto(await freePort(), folder.path, locked);
	const tried = async (password: string) => {
		await writeFile(at('password'), `${password}\n`);
		const mqtt = `{ url: "${broker.url}", username: box, passwordFile: password }`;
		await writeFile(
			at('line.yaml'),
			`box: t\nmqtt: ${mqtt}\nstations:\n  s:\n    camera: { source: pictures }\n    recipe: r\nrecipes:\n  r: { model: bundle, alarms: { stuck: { consecutive: { n: 3 } } } }\n`,
		);
		return program('check', '--config', at('line.yaml'));
	};
	const wrong = await tried('wrong');
	assert.is(wrong.code, 1);
	assert.match(wrong.out, /^FAULT {2}mqtt: Cannot log in to broker ".*": not authorised \(0x87\)$/m);
	const forbidden = await tried('geheim7');
	assert.is(forbidden.code, 1);
	assert.match(
		forbidden.out,
		/^FAULT {2}mqtt: Broker ".*" lets us in, but refuses "inspectord\/t\/engines": not authorised \(0x87\); "inspectord\/t\/s\/heatmap\/check\/0": not authorised \(0x87\); "inspectord\/t\/s\/alarm": not authorised \(0x87\); "inspectord\/t\/answer\/check": not authorised \(0x87\)$/m,
	);
	await writeFile(at('acl'), `${rules}topic write inspectord/t/#\n`);
	await broker.kill('SIGTERM');
	await using again = await startMosquitto(Number(new URL(broker.url).port), folder.path, locked);
	assert.ok(again.url);
	const good = await tried('geheim7');
	assert.is(good.code, 0, good.out);
	assert.match(
		good.out,
		/^ok {5}mqtt: broker ".*" lets us in with MQTT 5; takes messages on every topic of the box$/m,
	);
});

check.run();
