import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Context } from '../base/context.js';
import { Failure } from '../base/failure.js';
import type { Config } from '../config/schema.js';
import { configSchema } from '../config/schema.js';
import { teachInChild } from '../daemon/job.js';
import { readBundle } from '../disk/bundle.js';
import { teacherPath } from '../disk/teacher.js';
import { startEmbeddedBroker } from '../mqtt/embedded-broker.js';
import type { TeachRequest } from '../protocol/teach-messages.js';
import { type Arguments, numberOption, textOption } from './terminal/command.js';
import { duration, progressLines } from './terminal/progress.js';

/** Good parts that the demonstration learns from, and how long it learns: under two minutes on two slow cores. */
const LESSON = {
	seed: 7,
	count: 100,
	iterations: 80,
	batch: 16,
	size: 256,
	tiles: { rows: 1, columns: 1 },
	preset: 'standard',
	precision: 'fp32',
} as const;

/** Another stretch of the line than the one that was learnt from. */
const SOURCE = 'sim:?seed=8&defects=0.25&fps=2';

/** A configuration that needs nothing: broker, camera and recipe are our own. Disposing ends the broker. */
export async function prepareDemonstration(
	args: Arguments,
	context: Context,
): Promise<AsyncDisposable & { readonly config: Config }> {
	const data = resolve(textOption(args, 'data') ?? 'inspectord-data');
	const firstPort = numberOption(args, 'port', { lowest: 1, highest: 65_000 });
	const bundle = join(data, 'bundles', 'flange');
	context.note('inspectord demonstration: a simulated line of turned flanges, one in four defective.');
	await learnOnce(bundle, context);
	const broker = await startEmbeddedBroker(firstPort);
	if (broker.port !== firstPort) context.note(`Port ${firstPort} is busy; the broker takes ${broker.port}.`);
	const { port } = broker;
	context.note(`MQTT broker: mqtt://127.0.0.1:${port}`);
	context.note(
		`Listen with:  mosquitto_sub -h 127.0.0.1 -p ${port} -v -t 'inspectord/demo/+/verdict' -t 'inspectord/demo/#/state'`.replace(
			'#/state',
			'+/state',
		),
	);
	context.note('Ctrl-C ends it.');
	const config = configSchema.parse({
		box: 'demo',
		mqtt: { url: `mqtt://127.0.0.1:${port}`, version: '3.1.1' },
		stations: { flange: { camera: { source: SOURCE }, recipe: 'flange' } },
		recipes: { flange: { model: bundle } },
		log: 'warning',
	});
	return { config, [Symbol.asyncDispose]: () => broker[Symbol.asyncDispose]() };
}

/** Teaches the flange unless a bundle of it stands there and is whole. */
async function learnOnce(bundle: string, context: Context): Promise<void> {
	const pocket = teacherPath(context.home, 'pocket');
	const seeded = !existsSync(pocket);
	const seededNote = 'Its teacher has random weights: fine to show how it works, not to judge how well.';
	if (existsSync(bundle)) {
		try {
			const { manifest } = await readBundle(bundle);
			if (manifest.architecture.teacher.seeded && !seeded)
				throw new Failure('bundle-invalid', `The bundle "${bundle}" was taught by random weights`);
			context.note(`It has learnt the part before: bundle "${bundle}".`);
			if (manifest.architecture.teacher.seeded) context.note(seededNote);
			return;
		} catch (failure) {
			if (!(failure instanceof Failure)) throw failure;
			context.note(`${failure.message}; it learns the part anew.`);
		}
	}
	context.note(`First it learns the part from ${LESSON.count} good ones.`);
	if (seeded) context.note(seededNote);
	const { seed, count, ...settings } = LESSON;
	const request: TeachRequest = {
		...settings,
		images: { sim: { seed, count } },
		...(!seeded && { teacher: pocket }),
		out: bundle,
		name: 'flange',
		backbone: 'pocket',
		seed,
		holdout: 0.2,
		threads: 0,
	};
	const taught = await teachInChild(request, { ...context, report: progressLines(context) });
	context.note(
		`It has learnt the part in ${duration(taught.seconds)}; threshold ${taught.threshold.toFixed(4)}.`,
	);
}
