import type { Context } from '../base/context.js';
import type { Command } from './terminal/command.js';

/** Loaded when called: the daemon must never load what only its children need. */
type Entry = {
	readonly summary: string;
	readonly load: () => Promise<Command>;
	/** Runs until it is told to stop: nobody who reads it may hold up its end. */
	readonly endless?: true;
};

/** What a person calls. */
export const commands: Readonly<Record<string, Entry>> = {
	run: {
		summary: 'inspect: the daemon, or without --config a demonstration that teaches itself',
		load: async () => (await import('./run.js')).run,
		endless: true,
	},
	teach: {
		summary: 'teach a part from pictures of good ones: writes a bundle',
		load: async () => (await import('./teach.js')).teachCommand,
	},
	evaluate: {
		summary: 'measure a bundle on labelled pictures',
		load: async () => (await import('./evaluate.js')).evaluateCommand,
	},
	bench: {
		summary: 'measure how fast a bundle is on this machine, stage by stage, and how exact',
		load: async () => (await import('./bench.js')).bench,
	},
	teacher: {
		summary: 'add a larger teacher, by download or from a file',
		load: async () => (await import('./teacher.js')).teacherCommand,
	},
	import: {
		summary: 'make a bundle of an ONNX model that was trained elsewhere',
		load: async () => (await import('./import.js')).importCommand,
	},
	engine: {
		summary: "TensorRT's engines for this machine: build, list, verify, remove",
		load: async () => (await import('./engine.js')).engineCommand,
	},
	check: {
		summary: 'would this configuration start? every fault with its path and line',
		load: async () => (await import('./check.js')).check,
	},
	doctor: {
		summary: 'what does this box lack? each step with the command that mends it',
		load: async () => (await import('./doctor.js')).doctor,
	},
	health: {
		summary: 'is this box well? an exit code for updaters and timers',
		load: async () => (await import('./health.js')).health,
	},
	config: {
		summary: 'the configuration of a daemon: show it, its history, edit it, bring one back',
		load: async () => (await import('./config.js')).configCommand,
	},
	events: {
		summary: 'what happened: verdicts, gaps and states from the journal',
		load: async () => (await import('./events.js')).eventsCommand,
	},
	audit: {
		summary: 'who changed what, and whether the trail of it is whole',
		load: async () => (await import('./audit.js')).auditCommand,
	},
	letters: {
		summary: 'which verdicts the broker refused, and send them again',
		load: async () => (await import('./letters.js')).letters,
	},
	replay: {
		summary: 'which verdicts would have been others, with another threshold or bundle',
		load: async () => (await import('./replay.js')).replayCommand,
	},
	ask: {
		summary: 'ask a daemon that runs: its state, its events, a self-check; here or over the broker',
		load: async () => (await import('./ask.js')).askCommand,
	},
	key: {
		summary: 'make a key to sign requests with',
		load: async () => (await import('./key.js')).keyCommand,
	},
	sign: {
		summary: 'sign a request for a box that this machine need not reach',
		load: async () => (await import('./sign.js')).signCommand,
	},
	simulate: {
		summary: 'write pictures of the simulated line as a data set with masks',
		load: async () => (await import('./simulate.js')).simulate,
	},
};

/** Our own child processes, hidden from people. */
export const children: Readonly<Record<string, () => Promise<(context: Context) => Promise<void>>>> = {
	station: async () => (await import('../station/process.js')).station,
	probe: async () => (await import('../station/probe.js')).probe,
	job: async () => (await import('../jobs/process.js')).job,
};
