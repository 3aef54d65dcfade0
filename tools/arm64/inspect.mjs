// The real daemon over a folder of pictures, on one side: `check`, then `run` until every picture has its verdict, heard from a broker.
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import mqtt from 'mqtt';
import { root } from '../setup.mjs';
import { ended } from './ended.mjs';

const FIRST_PORT = 21_883;

/**
 * `side`: the command that is Node there, its program, a name, and how long each may take. `check` tries the demonstration's bundle
 * (`flange`) in fp32 and as it runs; two stations inspect by the small one, `plain` in fp32, `quick` as it runs.
 * @returns what check found, and the scores by station and picture
 */
export async function inspected(side, what) {
	const { startEmbeddedBroker } = await import(path.join(root, 'dist', 'mqtt', 'embedded-broker.js'));
	const broker = await startEmbeddedBroker(FIRST_PORT);
	try {
		return await inspectedBy(side, broker.port, what);
	} finally {
		await broker[Symbol.asyncDispose]();
	}
}

async function inspectedBy({ command, dist, name, limitS }, port, { flange, small, pictures, work }) {
	const place = path.join(work, `daemon-${name}`);
	mkdirSync(place);
	const camera = `{ source: ${JSON.stringify(pictures)}, timeoutMs: 60000 }`;
	const configured = (bundle) => {
		const recipe = (precision) =>
			`{ model: ${JSON.stringify(bundle)}, provider: cpu, precision: ${precision}, threads: 1, deadlineMs: 60000 }`;
		const file = path.join(place, `${path.basename(bundle)}.yaml`);
		const lines = [
			'box: arm64',
			`mqtt: { url: "mqtt://127.0.0.1:${port}", version: "3.1.1" }`,
			`stations: { plain: { camera: ${camera}, recipe: plain }, quick: { camera: ${camera}, recipe: quick } }`,
			`recipes: { plain: ${recipe('fp32')}, quick: ${recipe('bundle')} }`,
			'journal: { folder: state }',
		];
		writeFileSync(file, `${lines.join('\n')}\n`);
		return file;
	};
	const main = path.join(dist, 'main.js');
	const begunMs = Date.now();
	console.log(`the daemon, ${name}: check …`);
	const check = await said(command, [main, 'check', '--config', configured(flange), '--json'], limitS);
	console.log(`the daemon, ${name}: run …`);
	const wanted = 2 * pictureCount(pictures);
	const verdicts = await heard(port, command, [main, 'run', '--config', configured(small)], wanted, limitS);
	const scores = Object.fromEntries(
		verdicts.map(({ station, frame, score }) => [`${station} ${frame}`, score]),
	);
	const wrong = verdicts.filter(({ verdict }) => verdict === 'error').length;
	const tookS = Math.round((Date.now() - begunMs) / 1000);
	const told = `${verdicts.length} of ${wanted} verdicts, ${wrong} of them errors, in ${tookS} s`;
	return { check, scores, told, tookS };
}

function pictureCount(folder) {
	return readdirSync(folder, { recursive: true }).filter((name) => String(name).endsWith('.png')).length;
}

/** The one line of JSON that a command prints. */
function said(command, args, limitS) {
	return ended(command, args, limitS).done.then(({ out, err }) => {
		const line = out.split('\n').find((text) => text.startsWith('{'));
		if (line === undefined) throw new Error(`${args[1]} said nothing: ${err}`);
		return JSON.parse(line);
	});
}

async function heard(port, command, args, wanted, limitS) {
	const client = await mqtt.connectAsync(`mqtt://127.0.0.1:${port}`);
	const verdicts = [];
	await client.subscribeAsync('inspectord/arm64/+/verdict');
	const { child, done } = ended(command, args, limitS);
	client.on('message', (_, payload) => {
		verdicts.push(JSON.parse(String(payload)));
		if (verdicts.length === wanted) child.kill('SIGTERM');
	});
	const { code, err } = await done;
	await client.endAsync();
	if (verdicts.length < wanted) console.log(err);
	else if (code !== 0) console.log(`the daemon ended with ${code}\n${err}`);
	return verdicts;
}
