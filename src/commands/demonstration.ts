import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Context } from '../base/context.js';
import { Failure } from '../base/failure.js';
import type { Config } from '../config/schema.js';
import { configSchema } from '../config/schema.js';
import { teachInChild } from '../daemon/job.js';
import { bundlesOf, readBundle } from '../disk/bundle.js';
import { teacherPath } from '../disk/teacher.js';
import type { Bundle } from '../model/bundle.js';
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
	context.note('inspectord demonstration: a simulated line of turned flanges, one in four defective.');
	const bundle = await learnOnce(join(data, 'bundles', 'flange'), context);
	const broker = await startEmbeddedBroker(firstPort);
	if (broker.port !== firstPort) context.note(`Port ${firstPort} is busy; the broker takes ${broker.port}.`);
	const { port } = broker;
	context.note(`MQTT broker: mqtt://127.0.0.1:${port}`);
	const topics = ['verdict', 'state'].map((level) => `-t 'inspectord/demo/+/${level}'`).join(' ');
	context.note(`Listen with:  mosquitto_sub -h 127.0.0.1 -p ${port} -v ${topics}`);
	context.note(`Look back with:  node dist/main.js events --state ${join(data, 'state')}`);
	context.note('Ctrl-C ends it.');
	const config = configSchema.parse({
		box: 'demo',
		mqtt: { url: `mqtt://127.0.0.1:${port}`, version: '3.1.1' },
		stations: { flange: { camera: { source: SOURCE }, recipe: 'flange' } },
		recipes: { flange: { model: bundle } },
		journal: { folder: join(data, 'state') },
		log: 'warning',
	});
	return { config, [Symbol.asyncDispose]: () => broker[Symbol.asyncDispose]() };
}

/** The newest whole bundle of the flange, or one that it teaches now: it never writes over what stands there. @returns its folder */
async function learnOnce(bundle: string, context: Context): Promise<string> {
	const pocket = teacherPath(context.home, 'pocket');
	const seeded = !existsSync(pocket);
	const seededNote = 'Its teacher has random weights: fine to show how it works, not to judge how well.';
	const known = await newestOf(bundle, seeded, context);
	if (known) {
		context.note(`It has learnt the part before: bundle "${known.dir}".`);
		if (known.manifest.architecture.teacher.seeded) context.note(seededNote);
		return known.dir;
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
	return taught.bundle;
}

/** Says why it passes over a bundle that is damaged, or that random weights taught where real ones are at hand. */
async function newestOf(bundle: string, seeded: boolean, context: Context): Promise<Bundle | undefined> {
	const whole: Bundle[] = [];
	for (const dir of await bundlesOf(bundle)) {
		try {
			const found = await readBundle(dir);
			if (found.manifest.architecture.teacher.seeded && !seeded)
				throw new Failure('bundle-invalid', `The bundle "${dir}" was taught by random weights`);
			whole.push(found);
		} catch (failure) {
			if (!(failure instanceof Failure)) throw failure;
			context.note(`${failure.message}; it is passed over.`);
		}
	}
	const latest = (a: Bundle, b: Bundle) => (b.manifest.createdAt > a.manifest.createdAt ? b : a);
	return whole.length === 0 ? undefined : whole.reduce(latest);
}
