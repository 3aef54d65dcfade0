import { execFileSync } from 'node:child_process';
import { chmod, copyFile, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { encodePng } from '../../src/opencv/picture.js';
import { drawPart } from '../../src/sim/line.js';
import { createAuthority, hasOpenssl } from '../certificates.js';
import { eventually, freePort } from '../free-port.js';
import { hasMosquitto, listen, startMosquitto } from '../mosquitto.js';
import { startWith } from '../program.js';
import { temporaryFolder, tinyBundle } from '../tiny-bundle.js';

const secure = suite('the program, with TLS and credentials');

/** A configuration of one station over a picture, in `folder`. */
async function configure(folder: string, mqtt: string): Promise<string> {
	const file = join(folder, 'line.yaml');
	await writeFile(
		file,
		`box: t\nmqtt: ${mqtt}\nstations:\n  s:\n    camera: { source: pictures, loop: true }\n    recipe: r\nrecipes:\n  r: { model: bundle, trigger: { everyMs: 200 } }\n`,
	);
	return file;
}

async function workplace(folder: string): Promise<void> {
	await mkdir(join(folder, 'pictures'));
	await writeFile(join(folder, 'pictures/0.png'), encodePng(drawPart(1, 0, undefined, 96).image));
	await tinyBundle(join(folder, 'bundle'));
	await mkdir(join(folder, 'credentials'));
}

secure('checks each broker of a list, and says its verdicts to the one that is there', async () => {
	if (!hasMosquitto() || !hasOpenssl()) return;
	await using folder = await temporaryFolder();
	const at = (name: string) => join(folder.path, name);
	await workplace(folder.path);
	const good = createAuthority(at('good'), 'good');
	const shown = good.sign('server', 'localhost', { use: 'serverAuth', names: 'IP:127.0.0.1' });
	const box = good.sign('box', 't');
	const old = good.sign('old', 't', { days: -1 });
	const [absent, plain, port] = [await freePort(), await freePort(), await freePort()];
	await using _broker = await startMosquitto(port, folder.path, [
		...[`listener ${plain} 127.0.0.1`, `listener ${port} 127.0.0.1`, `cafile ${good.cert}`],
		...[`certfile ${shown.cert}`, `keyfile ${shown.key}`, 'require_certificate true'],
	]);
	await copyFile(box.cert, at('box.pem'));
	await copyFile(box.key, at('credentials/key'));
	const tls = '{ ca: good/authority.pem, cert: box.pem, key: "credential:key" }';
	const file = await configure(
		folder.path,
		`{ url: ["mqtts://127.0.0.1:${absent}", "mqtts://127.0.0.1:${port}"], tls: ${tls} }`,
	);
	const env = { CREDENTIALS_DIRECTORY: at('credentials') };
	const checked = async (more: NodeJS.ProcessEnv) =>
		(await startWith(more, 'check', '--config', file).ended).out;
	const found = await checked(env);
	assert.match(found, /^FAULT {2}mqtt\.url\.0: Cannot reach broker ".*": nothing listens there$/m);
	assert.match(
		found,
		/^ok {5}mqtt\.url\.1: broker ".*" lets us in with MQTT 5; takes messages on every topic of the box; this box's certificate expires on .* GMT$/m,
	);
	assert.match(await checked({ CREDENTIALS_DIRECTORY: '' }), /no credentials were handed to this process$/m);
	await copyFile(old.cert, at('box.pem'));
	await copyFile(old.key, at('credentials/key'));
	assert.match(
		await checked(env),
		/^FAULT {2}mqtt\.url\.1: Cannot use certificate ".*box.pem": it expired on/m,
	);
	// It inspects nevertheless, and is let in as soon as there is a right one.
	await using subscriber = await listen(`mqtt://127.0.0.1:${plain}`);
	await using running = startWith(env, 'run', '--config', file);
	await eventually('it says so', () => running.err().includes('it expired on'));
	await copyFile(box.key, at('credentials/key'));
	await copyFile(box.cert, at('box.pem'));
	await eventually('it says that this one ends soon, too', () =>
		running.err().includes('certificate expires on'),
	);
	await eventually(
		'verdicts arrive',
		() => subscriber.heard.filter(({ topic }) => topic.endsWith('verdict')).length > 2,
	);
	const states = subscriber.heard.filter(({ topic }) => topic === 'inspectord/t/state');
	assert.is(JSON.parse(`${states.at(-1)?.payload}`).broker, `mqtts://127.0.0.1:${port}`);
	running.child.kill('SIGTERM');
	const { err } = await running.ended;
	const [, secret = ''] = (await readFile(box.key, 'utf8')).split('\n');
	assert.not.match(found + err, new RegExp(secret.replaceAll(/[+/]/g, '.')));
});

secure('takes user and password from credentials, over WebSockets too', async () => {
	if (!hasMosquitto()) return;
	await using folder = await temporaryFolder();
	const at = (name: string) => join(folder.path, name);
	await workplace(folder.path);
	execFileSync('mosquitto_passwd', ['-c', '-b', at('passwords'), 'box', 'geheim7'], { stdio: 'ignore' });
	await chmod(at('passwords'), 0o644);
	const [plain, web] = [await freePort(), await freePort()];
	await using _broker = await startMosquitto(web, folder.path, [
		...['allow_anonymous false', `password_file ${at('passwords')}`],
		...[`listener ${plain} 127.0.0.1`, `listener ${web} 127.0.0.1`, 'protocol websockets'],
	]);
	await writeFile(at('credentials/user'), 'box\n');
	const login = 'usernameFile: "credential:user", passwordFile: "credential:password"';
	const file = await configure(folder.path, `{ url: "ws://127.0.0.1:${web}/mqtt", ${login} }`);
	for (const [password, line] of [
		['geheim8', /^FAULT {2}mqtt: Cannot log in to broker ".*": not authorised \(0x87\)$/m],
		['geheim7', /^ok {5}mqtt: broker ".*" lets us in with MQTT 5/m],
	] as const) {
		await writeFile(at('credentials/password'), `${password}\n`);
		const env = { CREDENTIALS_DIRECTORY: at('credentials') };
		const { out, err } = await startWith(env, 'check', '--config', file).ended;
		assert.match(out, line);
		assert.not.match(out + err, /geheim/);
	}
});

secure.run();
