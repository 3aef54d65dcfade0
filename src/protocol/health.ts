import { z } from 'zod';
import { boxField, instant, instantOf, SCHEMA, schemaField, stationField, type Told } from './fields.js';
import { stationStateSchema } from './states.js';
import { clockField, STAGES, type Stage } from './verdict.js';

/** Why something did not reach anybody. */
export const DROPS = {
	framesOvertaken: 'Frames of live cameras that nobody inspected, because newer ones came.',
	triggersDropped: 'Signals that made no part: they bounced, came too soon, or more waited than may.',
	verdictsRefused: 'Verdicts that the broker refused.',
	verdictsLost: 'Verdicts that had to go before the broker had them.',
	picturesRefused: 'Pictures that the broker refused.',
} as const;

const count = z.int().min(0);

const bytes = count.nullable();

const fieldsOf = <K extends string, S extends z.ZodType>(keys: readonly K[], field: (key: K) => S) =>
	z.strictObject(Object.fromEntries(keys.map((key) => [key, field(key)])) as Record<K, S>);

const quantiles = z
	.strictObject({ p50Ms: z.number(), p95Ms: z.number(), p99Ms: z.number() })
	.nullable()
	.describe('Null where no part passed.');

const station = z.strictObject({
	station: stationField,
	state: stationStateSchema.shape.state,
	pid: count.nullable(),
	memoryBytes: bytes.describe("Of the station's process."),
	restarts: count.describe('New processes after one that died or hung.'),
	parts: count,
	frames: count.describe('Parts, and frames that nobody inspected.'),
	latency: fieldsOf(STAGES, () => quantiles).describe(
		'Of the parts since the health that was told before; `publish`: until the broker has acknowledged it.',
	),
});

const machine = z
	.strictObject({
		hottest: z
			.strictObject({
				zone: z.string(),
				celsius: z.number(),
				limitCelsius: z.number().nullable().describe('Where the kernel begins to slow the machine down.'),
			})
			.nullable()
			.describe('Of all thermometers of the kernel.'),
		throttled: z
			.boolean()
			.nullable()
			.describe('Slowed down for heat or current: now, or since the health that was told before.'),
		throttledBy: z.array(z.string()).describe('The brakes of the kernel that are on now.'),
		throttlings: count
			.nullable()
			.describe('Over-currents, under-voltages and the like that were counted since the system started.'),
		powerMode: z.string().nullable().describe("A Jetson's, as nvpmodel names it."),
		watts: z
			.number()
			.nullable()
			.describe('Of the whole module or board; null where no sensor measures that.'),
		rails: z.array(z.strictObject({ rail: z.string(), watts: z.number() })),
		clocks: z
			.strictObject({
				locked: z.boolean().nullable().describe('Whether all are held, as jetson_clocks does.'),
				cpuMHz: z.number().nullable().describe('Of the fastest core.'),
				gpuMHz: z.number().nullable(),
			})
			.describe('As they are now.'),
		memory: z.strictObject({ totalBytes: bytes, availableBytes: bytes }),
	})
	.describe('What the machine tells of itself; null where it tells nothing.');

export const healthSchema = z
	.strictObject({
		schema: schemaField,
		box: boxField,
		boot: z.string().nullable().describe('Of the machine: changes with each start of the operating system.'),
		uptimeS: z.number().min(0).describe('Of the daemon.'),
		versions: z.strictObject({
			inspectord: z.string(),
			node: z.string(),
			onnxruntime: z.string().nullable(),
			opencv: z.string().nullable(),
			os: z.string(),
		}),
		clock: clockField.describe('Whether the wall clock can be trusted.'),
		memoryBytes: bytes.describe("Of the daemon's process."),
		machine,
		disk: z
			.strictObject({ freeBytes: bytes, totalBytes: bytes, journalBytes: bytes })
			.describe('Where the journal lies.'),
		outbox: z
			.strictObject({
				verdicts: count,
				pictures: count,
				oldest: instant.nullable().describe('When the oldest verdict that waits was recorded.'),
				oldestAgeS: z.number().nullable(),
			})
			.describe('What waits for the broker.'),
		reconnects: count.describe('Connections to the broker after the first one.'),
		drops: fieldsOf(Object.keys(DROPS) as (keyof typeof DROPS)[], (key) =>
			count.describe(DROPS[key]),
		).describe('What did not reach anybody, since the daemon started.'),
		stations: z.array(station),
		at: instant,
	})
	.describe('How the box is.');

/** Retained: how the box is. */
export type Health = Told<typeof healthSchema>;

/** How one station is. */
export type StationHealth = Health['stations'][number];

/** What the machine tells of itself. */
export type MachineHealth = Health['machine'];

export type Quantiles = StationHealth['latency'][Stage];

/** What is known of a box; `oldestMs`: wall clock. */
export type Vitals = Omit<Health, 'schema' | 'outbox' | 'at'> & {
	readonly outbox: Pick<Health['outbox'], 'verdicts' | 'pictures'> & { readonly oldestMs: number | null };
};

/** `atMs` is wall clock time. */
export function healthMessage({ box, outbox, ...vitals }: Vitals, atMs: number): Health {
	const { verdicts, pictures, oldestMs } = outbox;
	return {
		schema: SCHEMA,
		box,
		...vitals,
		outbox: {
			verdicts,
			pictures,
			oldest: oldestMs === null ? null : instantOf(oldestMs),
			// Clocks that were set back since would make it negative.
			oldestAgeS: oldestMs === null ? null : Math.max(0, atMs - oldestMs) / 1000,
		},
		at: instantOf(atMs),
	};
}
