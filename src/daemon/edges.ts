import { type Pace, realPace, realTimers, type Timers } from '../base/retry.js';
import { type Files, realFiles } from '../disk/files.js';
import { openPictures } from '../disk/pictures.js';
import { makeFolder } from '../disk/place.js';
import { watchFolder } from '../disk/watch.js';
import { watchLine } from '../gpio/monitor.js';
import { bootId, upMs } from '../machine/boot.js';
import { type ClockWatch, watchClock } from '../machine/clock.js';
import { machineMs } from '../machine/monotonic.js';
import { openConnection } from '../mqtt/connection.js';
import type { LinkWorld } from '../mqtt/link.js';
import { type Child, startChild } from '../process/child.js';
import { startEndpoint } from '../prometheus/endpoint.js';
import type { StationDown, StationUp } from '../protocol/station-messages.js';
import { scheduleAt } from '../schedule/cron.js';
import { listenLocally } from '../socket/listen.js';
import type { PictureFiles } from '../sqlite/journal.js';
import { startThread, type WriterPort } from '../sqlite/port.js';
import { searchBeside } from '../sqlite/search-beside.js';
import { engineShelf } from './engine-shelf.js';
import { startRealJob } from './job.js';
import { type Machine, realMachine } from './machine.js';
import { type ProbeEdges, realProbeEdges } from './probe.js';

type Env = Readonly<Record<string, string | undefined>>;

/** What inspecting, telling and editing touch of the world outside the daemon's process, so that a simulation can stand in its place. */
export type Edges = {
	readonly pace: Pace;
	readonly timers: Timers;
	readonly wallClock: () => number;
	/** Of a clock that never jumps, the same in each process of the machine. */
	readonly machineMs: () => number;
	readonly bootId: () => Promise<string | null>;
	/** Since the operating system started. */
	readonly upMs: () => number;
	readonly machine: () => Machine;
	/** Calls at the times of a cron expression. */
	readonly scheduleAt: typeof scheduleAt;
	readonly watchClock: () => ClockWatch;
	readonly watchLine: typeof watchLine;
	readonly startStation: (env: Env) => Child<StationDown, StationUp>;
	readonly startProbe: ProbeEdges['startProbe'];
	readonly startJob: typeof startRealJob;
	/** Engines, and for which machine they are. */
	readonly engineShelf: typeof engineShelf;
	readonly connect: LinkWorld['connect'];
	readonly startWriter: () => WriterPort;
	/** Of the configuration and its history, of signals and of a lesson. */
	readonly files: Files;
	readonly watchFolder: typeof watchFolder;
	/** @throws Failure file-unwritable */
	readonly makeFolder: (path: string) => Promise<void>;
	/** @throws an error of the file system */
	readonly openPictures: (folder: string) => Promise<PictureFiles>;
	readonly search: typeof searchBeside;
	readonly listen: typeof listenLocally;
	/** Tells metrics. */
	readonly startEndpoint: typeof startEndpoint;
};

export const realEdges: Edges = {
	pace: realPace,
	timers: realTimers,
	wallClock: Date.now,
	machineMs,
	bootId,
	upMs,
	machine: realMachine,
	scheduleAt,
	watchClock,
	watchLine,
	startStation: (env) => startChild('station', { env }),
	startProbe: realProbeEdges.startProbe,
	startJob: startRealJob,
	engineShelf,
	connect: openConnection,
	startWriter: startThread,
	files: realFiles,
	watchFolder,
	makeFolder,
	openPictures,
	search: searchBeside,
	listen: listenLocally,
	startEndpoint,
};
