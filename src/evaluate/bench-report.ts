import type { Precision } from '../base/precision.js';
import { countOf } from '../base/words.js';
import type { Spread } from '../measure/spread.js';
import type { Throughput, Work } from '../measure/throughput.js';
import { STAGES, type Stage, stageNames } from './stages.js';

/** What a bench was made on, in words. */
export type Machine = {
	/** Processor, cores, operating system, and what computes beside them. */
	readonly is: readonly string[];
	/** Power mode, clocks, heat and whether it was slowed down, before and after; empty where it tells nothing. */
	readonly before: readonly string[];
	readonly after: readonly string[];
};

/** Parts that passed one after the other, and nothing beside them. Milliseconds. */
export type Alone = {
	readonly stages: Readonly<Record<Stage, Spread>>;
	readonly whole: Spread;
	/** Of all parts, and what of it lies between the stages: in all, and the least of a part. */
	readonly totalMs: number;
	readonly beyondMs: { readonly least: number; readonly total: number };
	readonly perSecond: number;
	/** How much slower the last third was than the first, as a share; null of too few. */
	readonly drift: number | null;
	/** How many were rejected, whose heatmaps `draw` tells of, and by which threshold. */
	readonly rejected: number;
	readonly threshold: number;
	readonly isOwnThreshold: boolean;
	readonly work: Work;
	/** Of the process, with the journal and the broker in it. */
	readonly memoryBytes: number | null;
};

/** Stations at the same time, each as fast as it can. `wholeMs`: from the camera until it stands in the journal. */
export type StationsMeasured = Throughput & {
	readonly stations: number;
	/** Of the largest station's process, and of the daemon's, with the bench in it; null where that is not told. */
	readonly stationBytes: number | null;
	readonly daemonBytes: number | null;
	/** What the machine had less while they ran, its GPU's where that takes from the same memory. */
	readonly boxBytes: number | null;
	readonly work: Work;
	/** Error verdicts. */
	readonly errors: number;
};

/** Against fp32 on the processor, over the same pictures. */
export type Compared = {
	readonly pictures: number;
	/** Of 19 in 20 scores, as a share of the way from what good parts usually score to the threshold. */
	readonly difference: number;
	readonly largest: number;
	/** Share of verdicts that are others. */
	readonly flips: number;
};

export type Measured = {
	readonly precision: Precision;
	readonly provider: string;
	readonly fingerprint: string | null;
	/** Why it is not what was asked for, or what is here. */
	readonly degraded: string | null;
	/** SHA-256 of the model, and of the engine that runs in its place. */
	readonly model: string;
	readonly engine: string | null;
	readonly alone: Alone;
	readonly stations: StationsMeasured | null;
	/** Of the whole machine; null where it does not tell. */
	readonly watts: number | null;
	readonly joulesAPart: number | null;
	readonly compared: Compared | null;
	readonly auroc: number | null;
};

/** What could not be measured says why. */
export type BenchRow = Measured | { readonly precision: Precision; readonly failure: string };

export type BenchReport = {
	readonly at: string;
	readonly inspectord: string;
	readonly commit: string | null;
	readonly node: string;
	readonly onnxruntime: string;
	readonly opencv: string;
	readonly bundle: string;
	readonly backbone: string;
	readonly width: number;
	readonly height: number;
	readonly views: number;
	/** Null: as a recipe that says nothing of them. */
	readonly threads: number | null;
	readonly pictures: string;
	readonly labelled: number;
	readonly seconds: number;
	readonly broker: string;
	readonly isJournalInMemory: boolean | null;
	readonly machine: Machine;
	readonly rows: readonly BenchRow[];
};

/** From then on others on the machine have disturbed it. */
const DISTURBED = 0.1;
const DRIFTED = 0.1;

const isMeasured = (row: BenchRow): row is Measured => !('failure' in row);

/** A report as Markdown, to be pasted. */
export function benchTables(report: BenchReport): string[] {
	const { bundle, backbone, width, height, views, machine, rows, pictures, seconds } = report;
	const made = report.commit === null ? '' : `, commit ${report.commit}`;
	const measured = rows.filter(isMeasured);
	return [
		`### ${bundle}: ${backbone}, ${width} × ${height} pixels${views > 1 ? ` in ${views} views` : ''}`,
		'',
		`${report.at.slice(0, 10)}, ${machine.is.join('; ')}. inspectord ${report.inspectord}${made}, Node ${report.node}, ONNX Runtime ${report.onnxruntime}, OpenCV ${report.opencv}. ` +
			`${capital(pictures)}; ${seconds} s a measurement; ${report.threads === null ? "threads as a recipe's default" : countOf(report.threads, 'thread')}; ${report.broker}; ` +
			`the journal lies ${report.isJournalInMemory ? 'in memory, so `record` says nothing of a disk' : 'on disk'}. ${conditionText(machine)}`,
		'',
		...table([
			[
				'',
				'provider',
				'a part alone, p50',
				'p95',
				'p99',
				'a second',
				'stations',
				'a second in all',
				'p50',
				'p99',
				'memory of a station',
				'energy a part',
				'score difference to fp32',
				'verdicts that differ',
				'image AUROC',
			],
			...rows.map((row) =>
				isMeasured(row) ? rowOf(row) : [row.precision, 'not measured', ...Array(13).fill('–')],
			),
		]),
		...(measured.length > 0
			? [
					'',
					'By stage, a part alone, ms (p50, p95, p99):',
					'',
					...table([
						['', ...measured.map(({ precision }) => precision)],
						...stageNames.map((stage) => [
							`${stage}: ${STAGES[stage]}`,
							...measured.map(({ alone }) => spreadText(alone.stages[stage])),
						]),
						['**whole**', ...measured.map(({ alone }) => spreadText(alone.whole))],
					]),
				]
			: []),
		'',
		...rows.flatMap((row) => remarks(row)),
	];
}

function rowOf({ precision, provider, alone, stations, joulesAPart, compared, auroc }: Measured): string[] {
	const { whole, perSecond } = alone;
	return [
		precision,
		provider,
		ms(whole.p50),
		ms(whole.p95),
		ms(whole.p99),
		rate(perSecond),
		...(stations
			? [
					`${stations.stations}`,
					rate(stations.perSecond),
					ms(stations.wholeMs.p50),
					ms(stations.wholeMs.p99),
					megabytes(stations.stationBytes),
				]
			: ['–', '–', '–', '–', '–']),
		joulesAPart === null ? '–' : `${joulesAPart.toFixed(2)} J`,
		compared === null ? '–' : percent(compared.difference),
		compared === null ? '–' : percent(compared.flips),
		auroc === null ? '–' : auroc.toFixed(4),
	];
}

/** What whoever reads the row must know. */
function remarks(row: BenchRow): string[] {
	const { precision } = row;
	if (!isMeasured(row)) return [`- ${precision} was not measured: ${row.failure}`];
	const { alone, stations, fingerprint, degraded, watts } = row;
	const { rejected, isOwnThreshold, drift, whole, stages } = alone;
	const busy = [alone.work.others, stations?.work.others ?? null].filter((share) => share !== null);
	const most = busy.length > 0 ? Math.max(...busy) : null;
	return [
		`- ${precision}: ${countOf(whole.count, 'part')} alone, ${rejected} of them rejected${isOwnThreshold ? '' : ', by the middle of their scores as the threshold'}; ${
			stages.draw.count === 0 ? 'so nothing was drawn' : 'of these `draw` tells'
		}.`,
		...(fingerprint === null ? [] : [`- ${precision} ran on ${fingerprint}.`]),
		...(degraded === null ? [] : [`- ${precision} is degraded: ${degraded}`]),
		...(watts === null ? [] : [`- ${precision}: the machine drew ${watts.toFixed(1)} W.`]),
		...(most !== null && most >= DISTURBED
			? [`- ${precision} was disturbed: others took ${percent(most)} of all processors.`]
			: []),
		...(drift !== null && Math.abs(drift) >= DRIFTED
			? [
					`- ${precision}: the last third was ${percent(Math.abs(drift))} ${drift > 0 ? 'slower' : 'faster'} than the first.`,
				]
			: []),
		...(stations && stations.errors > 0
			? [`- ${precision}: ${countOf(stations.errors, 'error verdict')}.`]
			: []),
	];
}

function conditionText({ before, after }: Machine): string {
	if (before.length + after.length === 0) return 'The machine tells nothing of power, clocks and heat.';
	return `Before: ${before.join(', ') || 'nothing told'}. After: ${after.join(', ') || 'nothing told'}.`;
}

function spreadText({ count, p50, p95, p99 }: Spread): string {
	return count === 0 ? '–' : [p50, p95, p99].map(ms).join(', ');
}

function ms(value: number): string {
	return Number.isNaN(value) ? '–' : value.toFixed(value < 10 ? 2 : 1);
}

function rate(value: number): string {
	return value.toFixed(value < 10 ? 2 : 1);
}

function megabytes(bytes: number | null): string {
	return bytes === null ? '–' : `${Math.round(bytes / 1e6)} MB`;
}

function percent(share: number): string {
	return Number.isNaN(share)
		? '–'
		: `${(100 * share).toFixed(share !== 0 && Math.abs(share) < 0.1 ? 2 : 1)} %`;
}

const capital = (text: string) => `${text.slice(0, 1).toUpperCase()}${text.slice(1)}`;

/** The first row is the head; what would end a cell is written out. */
function table([head = [], ...rows]: readonly (readonly string[])[]): string[] {
	const line = (cells: readonly string[]) =>
		`| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
	return [line(head), line(head.map(() => '---')), ...rows.map(line)];
}
