import { existsSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import type { Context } from '../base/context.js';
import { Failure } from '../base/failure.js';
import { duration } from '../base/words.js';
import { patched } from '../config/patch.js';
import { revise } from '../config/revise.js';
import { readYaml } from '../config/yaml.js';
import { teachInChild } from '../daemon/job.js';
import { bundlesOf, readBundle } from '../disk/bundle.js';
import { writeWhole } from '../disk/file.js';
import { teacherPath } from '../disk/teacher.js';
import { readText } from '../disk/text.js';
import type { Bundle } from '../model/bundle.js';
import { startEmbeddedBroker } from '../mqtt/embedded-broker.js';
import type { TeachRequest } from '../protocol/teach-messages.js';
import { type Arguments, numberOption, textOption } from './terminal/command.js';
import { progressLines } from './terminal/progress.js';

/** Good parts that the demonstration learns from, and how long it learns: after 40 steps it judges as after 80. */
export const LESSON = {
	seed: 7,
	count: 100,
	iterations: 40,
	batch: 16,
	size: 256,
	tiles: { rows: 1, columns: 1 },
	preset: 'standard',
	precision: 'fp32',
} as const;

/** Another stretch of the line than the one that was learnt from. */
const SOURCE = 'sim:?seed=8&defects=0.25&fps=2';

/** As it is written at first; broker and bundle are set by each start. */
const CONFIGURATION = `# The demonstration's configuration: edit it, also while it runs. docs/configuration.md lists every setting.
box: demo
mqtt: { version: "3.1.1" }
stations:
  flange:
    camera: { source: "${SOURCE}" }   # a simulated line; one part in four is defective
    recipe: flange
recipes:
  flange: {}
journal: { folder: state }
log: warning
`;

/** A configuration file that needs nothing: broker, camera and recipe are our own. Disposing ends the broker. */
export async function prepareDemonstration(
	args: Arguments,
	context: Context,
): Promise<AsyncDisposable & { readonly file: string }> {
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
	const file = join(data, 'demonstration.yaml');
	const text = existsSync(file) ? await readText(file, 'configuration') : CONFIGURATION;
	const read = readYaml(text);
	const set = {
		mqtt: { url: `mqtt://127.0.0.1:${port}` },
		recipes: { flange: { model: relative(data, bundle) } },
	};
	// What somebody mistyped stays, and is told with its line.
	if ('value' in read) await writeWhole(file, revise(text, patched(read.value, set)));
	const here = relative('.', file);
	context.note(`Look back with:  node dist/main.js events --config ${here}`);
	context.note(`Steer it with:  node dist/main.js ask state --config ${here}   (docs/control.md)`);
	context.note('Ctrl-C ends it.');
	return { file, [Symbol.asyncDispose]: () => broker[Symbol.asyncDispose]() };
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
