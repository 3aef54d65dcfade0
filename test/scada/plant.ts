import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { encodePng } from '../../src/opencv/picture.js';
import { gapEntry } from '../../src/protocol/gap.js';
import { drawPart } from '../../src/sim/line.js';
import { freePort } from '../free-port.js';
import { type Mosquitto, startMosquitto } from '../mosquitto.js';
import { type Running, start } from '../program.js';
import { ALL, journalIn } from '../sqlite/journals.js';
import { temporaryFolder, tinyBundle } from '../tiny-bundle.js';

/** The examples as they are shipped. */
export const EXAMPLES = fileURLToPath(new URL('../../../docs/scada/', import.meta.url));

/** Whether the clients are there; says so where not. */
export function hasClients(): boolean {
	if (existsSync('/usr/bin/mosquitto_sub')) return true;
	console.log('skipped: mosquitto-clients is not installed');
	return false;
}

/** `waits`: the broker has not acknowledged it. */
export type Part = {
	readonly id: string;
	readonly station: string;
	readonly sequence: number;
	readonly waits: boolean;
};

export type Plant = AsyncDisposable & {
	readonly path: string;
	/** Its configuration. */
	readonly config: string;
	readonly port: number;
	readonly broker: Mosquitto;
	/** The whole program; stations `good` (all accepted) and `bad` (all rejected, with pictures). Each tenth picture is damaged. */
	box(): Running;
	/** All that were started. */
	readonly boxes: readonly Running[];
	/** Starts the broker anew, with what it kept. */
	restartBroker(more?: readonly string[]): Promise<void>;
	/** What the journal holds, while no box runs. */
	recorded(): Promise<Part[]>;
	/** Takes what waits for the broker away as retention does, but for the last `spare` of each station, while no box runs. */
	lose(spare: number): Promise<{ readonly station: string; readonly from: number; readonly to: number }[]>;
};

/**
 * A box with its line and its broker, which is told what docs/scada tells a broker. `mqtt` are more of its settings, `recipes` those of
 * each recipe, and `top` more of the box.
 */
export async function plant(
	more: readonly string[] = [],
	mqtt = '',
	recipes = 'trigger: { everyMs: 50 }',
	top = '',
): Promise<Plant> {
	const folder = await temporaryFolder();
	const { path } = folder;
	const pictures = join(path, 'pictures');
	await mkdir(pictures);
	for (let i = 0; i < 10; i += 1) {
		const png = encodePng(drawPart(1, i, undefined, 96).image);
		await writeFile(join(pictures, `${i}.png`), i === 9 ? png.subarray(0, 200) : png);
	}
	await tinyBundle(join(path, 'bundle'));
	const port = await freePort();
	const config = join(path, 'line.yaml');
	const recipe = (name: string, threshold: number) =>
		`  ${name}: { model: bundle, threshold: ${threshold}, threads: 1, ${recipes} }\n`;
	const station = (name: string) =>
		`  ${name}: { camera: { source: pictures, loop: true }, recipe: ${name} }\n`;
	await writeFile(
		config,
		`box: t\n${top}mqtt: { url: "mqtt://127.0.0.1:${port}"${mqtt} }\nstations:\n${station('good')}${station('bad')}recipes:\n${recipe('good', 1e9)}${recipe('bad', 1e-9)}`,
	);
	const shipped = readFileSync(join(EXAMPLES, 'mosquitto.conf'), 'utf8').split('\n');
	const lines = [
		...shipped.filter((line) => /^[a-z]/.test(line) && !line.startsWith('persistence_location')),
		...more,
	];
	let broker = await startMosquitto(port, path, onceEach(lines));
	const boxes: Running[] = [];
	const records = join(path, 't-state');
	const opened = async () => journalIn(records);
	return {
		path,
		config,
		port,
		get broker() {
			return broker;
		},
		boxes,
		box: () => {
			const box = start('run', '--config', config);
			boxes.push(box);
			return box;
		},
		restartBroker: async (changed = []) => {
			await broker[Symbol.asyncDispose]();
			broker = await startMosquitto(port, path, onceEach([...lines, ...changed]));
		},
		recorded: async () => {
			await using journal = await opened();
			const events = await journal.events(ALL, 1e6, ['verdict']);
			const waiting = await journal.undelivered('broker', 'events');
			return events.map(({ id, station, sequence }) => ({
				id: `${journal.series}-${id}`,
				station: station!,
				sequence: sequence!,
				waits: waiting.some(({ from, to }) => from <= id && id <= to),
			}));
		},
		lose: async (spare) => {
			await using journal = await opened();
			const waiting = await journal.undelivered('broker', 'events');
			const found = await Promise.all(waiting.map((range) => journal.events(range, 1e6, ['verdict'])));
			const gone = found.flat().slice(0, -2 * spare);
			journal.deliver('broker', 'events', [{ from: gone.at(-1)!.id + 1, to: Number.POSITIVE_INFINITY }]);
			const gaps: { station: string; from: number; to: number }[] = [];
			for (const { station, sequence } of gone) {
				const open = gaps.find((one) => one.station === station && one.to === sequence! - 1);
				if (open) open.to = sequence!;
				else gaps.push({ station: station!, from: sequence!, to: sequence! });
			}
			await journal.append(
				gaps.map(({ station, from, to }) =>
					gapEntry('t', station, { from, to, reason: 'retention' }, Date.now()),
				),
			);
			return gaps;
		},
		[Symbol.asyncDispose]: async () => {
			for (const box of boxes) await box[Symbol.asyncDispose]();
			await broker[Symbol.asyncDispose]();
			await folder[Symbol.asyncDispose]();
		},
	};
}

/** The last line of each name. */
function onceEach(lines: readonly string[]): string[] {
	return [...new Map(lines.map((line) => [line.split(' ')[0]!, line])).values()];
}

/** What an example says, as lines of JSON, and how it is ended. */
export type Example = AsyncDisposable & {
	readonly child: ChildProcess;
	readonly said: readonly Said[];
	readonly errors: () => string;
	end(signal: NodeJS.Signals): Promise<void>;
};

export type Said = { readonly kind: string } & Readonly<Record<string, unknown>>;

/** Runs a program whose standard output is lines of JSON. */
export function example(command: string, args: readonly string[], cwd: string, env = {}): Example {
	const child = spawn(command, args, {
		cwd,
		env: { ...process.env, ...env },
		stdio: 'pipe',
		detached: true,
	});
	const said: Said[] = [];
	let rest = '';
	let errors = '';
	child.stdout.on('data', (chunk) => {
		const lines = `${rest}${chunk}`.split('\n');
		rest = lines.pop()!;
		for (const line of lines) if (line.startsWith('{')) said.push(JSON.parse(line));
	});
	child.stderr.on('data', (chunk) => {
		errors = `${errors}${chunk}`.slice(-4000);
	});
	const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
	const end = async (signal: NodeJS.Signals) => {
		// Killed, it leaves what it started: its group goes with it.
		if (signal === 'SIGKILL') killGroup(child.pid!);
		else child.kill(signal);
		await ended;
	};
	return { child, said, errors: () => errors, end, [Symbol.asyncDispose]: () => end('SIGKILL') };
}

function killGroup(pid: number): void {
	try {
		process.kill(-pid, 'SIGKILL');
	} catch {
		// All of it has ended.
	}
}
