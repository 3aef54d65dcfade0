import { sha256Of } from '../../src/base/hash.js';
import { openDesk } from '../../src/sqlite/desk.js';
import type { Answer, Row } from '../../src/sqlite/exchange.js';
import type { PictureFiles } from '../../src/sqlite/journal.js';
import type { WriterPort } from '../../src/sqlite/port.js';
import type { Being } from './time.js';

export type DiskFault = 'full' | 'slow' | 'failing';

const COMMIT_MS = 0.3;
const SLOWEST_MS = 1500;
/** What it did not take is handed to it again within this time. */
const AGAIN_MS = 3000;

/** The disk of a box: the journal's real writer over real files, whose commits take simulated time and may be refused. `recorded`: hears of each event that is on it. */
export function createDisk(now: () => number, recorded: (row: Row) => void = () => {}) {
	const faults = new Set<DiskFault>();
	let healedMs = Number.NEGATIVE_INFINITY;
	const pictures = new Map<string, Uint8Array>();
	const refusal = (id: number): Answer => ({
		id,
		news: null,
		failure: {
			trouble: faults.has('full') ? 'full' : 'unreadable',
			code: null,
			message: faults.has('full') ? 'database or disk is full' : 'disk I/O error',
			advice: null,
			stack: null,
		},
	});
	const files: PictureFiles = {
		write: async (jpegs) => {
			if (faults.has('full') || faults.has('failing')) throw new Error('the disk takes nothing');
			for (const jpeg of jpegs) pictures.set(sha256Of(jpeg), jpeg);
		},
		read: async (hash) => pictures.get(hash),
		remove: async (hashes) => {
			for (const hash of hashes) pictures.delete(hash);
		},
		list: async () => [...pictures.keys()],
	};
	return {
		faults: faults as ReadonlySet<DiskFault>,
		files,
		begin: (fault: DiskFault) => void faults.add(fault),
		end: (fault: DiskFault): void => {
			if (faults.delete(fault)) healedMs = now();
		},
		get takesNothing(): boolean {
			return faults.has('full') || faults.has('failing');
		},
		/** Whether what is handed over may not be on it for seconds. */
		get isFaulty(): boolean {
			return faults.size > 0 || now() - healedMs < AGAIN_MS;
		},
		/** The writer of one daemon. `abandon`: when it has died. */
		openWriter: (daemon: Being): WriterPort & { abandon(): void } => {
			const desk = openDesk();
			let hear = (_: Answer): void => {};
			/** One after the other. */
			let freeMs = 0;
			return {
				post: (ask) => {
					const ms = faults.has('slow') ? SLOWEST_MS * daemon.chance() : COMMIT_MS;
					freeMs = Math.max(freeMs, daemon.now()) + ms;
					daemon.later(freeMs - daemon.now(), () => {
						const isRefused = (faults.has('full') || faults.has('failing')) && ask.kind === 'commit';
						const answer = isRefused ? refusal(ask.id) : desk.answer(ask);
						if (ask.kind === 'commit' && !answer.failure)
							for (const write of ask.ask.writes) if (write.kind === 'events') write.rows.forEach(recorded);
						hear(answer);
					});
				},
				hear: (onAnswer) => {
					hear = onAnswer;
				},
				end: async () => {},
				abandon: () => desk.abandon(),
			};
		},
	};
}

export type Disk = ReturnType<typeof createDisk>;
