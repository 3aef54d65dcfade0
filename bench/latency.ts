// How long from capture to a subscriber on loopback, with the journal on: the simulated line at 20 parts a second, one in four
// rejected, through the real daemon and a real mosquitto.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { VerdictMessage } from '../src/protocol/verdict.js';
import { eventually, freePort } from '../test/free-port.js';
import { listen, startMosquitto } from '../test/mosquitto.js';
import { startWith } from '../test/program.js';
import { percentile, shown } from './median.js';
import { program } from './program.js';

const PARTS = Number(process.env.BENCH_PARTS ?? 1200);
/** Opening, and what is compiled at first use. */
const WARM = 40;

const folder = await mkdtemp(join(tmpdir(), 'inspectord-bench-latency-'));
try {
	const bundle = await taught();
	await using broker = await startMosquitto(await freePort(), folder);
	await using subscriber = await listen(broker.url);
	const file = join(folder, 'bench.yaml');
	const lines = [
		'box: bench',
		`mqtt: { url: "${broker.url}" }`,
		'stations: { a: { camera: { source: "sim:?seed=8&defects=0.25&fps=20" }, recipe: r } }',
		`recipes: { r: { model: "${bundle}", threads: 1 } }`,
	];
	await writeFile(file, lines.join('\n'));
	const told: { readonly message: VerdictMessage; readonly heardMs: number }[] = [];
	subscriber.client.on('message', (topic, payload) => {
		if (topic.endsWith('/verdict'))
			told.push({ message: JSON.parse(payload.toString()) as VerdictMessage, heardMs: Date.now() });
	});
	await using running = startWith({}, 'run', '--config', file);
	await eventually('all are judged', () => told.length >= PARTS + WARM, 300_000);
	running.child.kill('SIGTERM');
	await running.ended;
	const measured = told.slice(WARM, WARM + PARTS);
	const whole = measured.map(({ message, heardMs }) => heardMs - Date.parse(message.times.captured));
	const model = measured.map(({ message }) => message.latency.modelMs!);
	const rest = whole.map((ms, i) => ms - model[i]!);
	for (const stage of [
		'waitMs',
		'prepareMs',
		'modelMs',
		'decideMs',
		'drawMs',
		'recordMs',
		'publishMs',
	] as const)
		console.log(
			shown(
				stage,
				'ms',
				measured.map(({ message }) => message.latency[stage]!),
			),
		);
	console.log(shown('capture to subscriber', 'ms', whole));
	console.log(shown('beside the model', 'ms', rest));
	console.log(`beside the model, p99: ${percentile(rest, 0.99).toFixed(1)} ms`);
	console.log(
		JSON.stringify({
			p50Ms: percentile(whole, 0.5),
			p99Ms: percentile(whole, 0.99),
			modelMs: percentile(model, 0.5),
		}),
	);
} finally {
	await rm(folder, { recursive: true, force: true });
}
process.exit(0);

/** The demonstration's part and teacher, taught for a moment: what it scores does not matter here. */
async function taught(): Promise<string> {
	const out = join(folder, 'flange');
	const pictures = join(folder, 'pictures');
	await program('simulate', pictures, '--good', '40', '--defects', '4');
	await program('teach', join(pictures, 'train', 'good'), '--out', out, '--iterations', '20');
	return out;
}
