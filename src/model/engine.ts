import { z } from 'zod';
import { Failure } from '../base/failure.js';
import { sha256Of } from '../base/hash.js';
import { PRECISIONS, type Precision } from '../base/precision.js';
import { gateFindingSchema, type Manifest } from './manifest.js';

const sha256 = z.string().regex(/^[0-9a-f]{64}$/, 'must be a SHA-256 in hexadecimal');

/** An engine runs where all of this is the same, and nowhere else: another architecture or version only warns, or computes something else. */
export const engineKeySchema = z.strictObject({
	/** Of the bundle's model that is to be accelerated, as its manifest names it. */
	model: sha256,
	precision: z.enum(PRECISIONS),
	tensorrt: z.string().min(1),
	driver: z.string().min(1),
	/** Compute capability: "8.7". */
	sm: z.string().min(1),
	/** Null where the machine is no Jetson. */
	l4t: z.string().nullable(),
});

export type EngineKey = z.infer<typeof engineKeySchema>;

/** What a machine tells of its GPU; null where it tells nothing. */
export type Machine = {
	readonly tensorrt: string | null;
	readonly driver: string | null;
	readonly sm: string | null;
	readonly l4t: string | null;
};

/**
 * The key of the engine that a bundle runs in `precision` by on such a machine. Where the bundle has no model of that precision, its
 * float32 one is what an engine is made of.
 * @throws Failure engine-missing naming what the machine does not tell
 */
export function engineKeyOf(
	{ files }: Pick<Manifest, 'files'>,
	precision: Precision,
	{ tensorrt, driver, sm, l4t }: Machine,
): EngineKey {
	const model = files.models[precision] ?? files.models.fp32;
	if (model === undefined)
		throw new Failure('bundle-invalid', 'Cannot make an engine of the bundle: it holds no model');
	const missing = (what: string, advice: string) =>
		new Failure('engine-missing', `Cannot use an engine on this machine: ${what}`, advice);
	if (tensorrt === null)
		throw missing('no TensorRT library (libnvinfer) was found', 'Install TensorRT; JetPack brings it along.');
	if (driver === null) throw missing('no NVIDIA driver was found', 'Install the driver of the GPU.');
	if (sm === null)
		throw missing(
			'the compute capability of its GPU is not known',
			'Is there an NVIDIA GPU, and may this user see it?',
		);
	return { model, precision, tensorrt, driver, sm, l4t };
}

/** Digits of hashes that tell keys apart in names. */
const MODEL_DIGITS = 8;
const KEY_DIGITS = 12;

/** The name of the engine of a key: `1c947c1d-fp16-0a1b2c3d4e5f`. */
export function engineId({ model, precision, tensorrt, driver, sm, l4t }: EngineKey): string {
	const whole = sha256Of(JSON.stringify([model, precision, tensorrt, driver, sm, l4t]));
	return `${model.slice(0, MODEL_DIGITS)}-${precision}-${whole.slice(0, KEY_DIGITS)}`;
}

/** In which words two keys differ, empty where they are the same. */
export function keyDifference(built: EngineKey, wanted: EngineKey): string {
	const named: readonly (readonly [string, keyof EngineKey])[] = [
		['model', 'model'],
		['precision', 'precision'],
		['TensorRT', 'tensorrt'],
		['driver', 'driver'],
		['SM', 'sm'],
		['L4T', 'l4t'],
	];
	return named
		.filter(([, part]) => built[part] !== wanted[part])
		.map(([name, part]) => `${name} ${built[part] ?? 'none'} instead of ${wanted[part] ?? 'none'}`)
		.join(', ');
}

/** A record of another version is not read. */
export const ENGINE_FORMAT_VERSION = 1;

/** What stands beside an engine on disk. An engine is made whole, proven and then put there, or not at all. */
export const engineRecordSchema = z.strictObject({
	formatVersion: z.literal(ENGINE_FORMAT_VERSION),
	key: engineKeySchema,
	/** The bundle that it was built for first, in words: `lid@1c947c1d`. */
	bundle: z.string(),
	/** What trtexec was given, what it gave, and the model of one node around that. */
	source: sha256,
	engine: sha256,
	wrapper: sha256,
	builtAt: z.iso.datetime(),
	seconds: z.number(),
	/** Against float32 on the processor, on so many pictures. */
	pictures: z.number().int().min(1),
	gate: z.array(gateFindingSchema),
});

export type EngineRecord = z.infer<typeof engineRecordSchema>;

/** An engine on disk, read and whole. */
export type Engine = {
	readonly id: string;
	readonly record: EngineRecord;
	/** Of the model of one node, which names the engine by a relative path. */
	readonly wrapper: string;
	readonly engine: string;
};

/** A build that failed is not tried again until its key is another. */
export const engineSetbackSchema = z.strictObject({
	key: engineKeySchema,
	at: z.iso.datetime(),
	code: z.string(),
	message: z.string(),
	/** The last words of trtexec. */
	tail: z.string(),
});

export type EngineSetback = z.infer<typeof engineSetbackSchema>;

/** On what it computes, for verdicts and states: `TensorRT 10.3.0, SM 8.7, driver 540.4.0, L4T 36.4.3`, what is known of it; null for nothing. */
export function fingerprintOf(machine: Partial<Machine>): string | null {
	const names = { tensorrt: 'TensorRT', sm: 'SM', driver: 'driver', l4t: 'L4T' } as const;
	const known = Object.entries(names).flatMap(([part, name]) => {
		const value = machine[part as keyof typeof names] ?? null;
		return value === null ? [] : [`${name} ${value}`];
	});
	return known.length === 0 ? null : known.join(', ');
}
