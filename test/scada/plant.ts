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

export type Part = { readonly id: string; readonly station: string; readonly sequence: number };

export type Plant = AsyncDisposable & {
	readonly path: string;
	readonly port: number;
	readonly broker: Mosquitto;
	/** The whole program; stations `good` (all accepted) and `bad` (all rejected, with pictures). Each tenth picture is damaged. */
	box(): Running;
	/** Starts the broker anew, with what it kept. */
	restartBroker(more?: readonly string[]): Promise<void>;
	/** What the journal holds, while no box runs. */
	recorded(): Promise<Part[]>;
	/** Takes what waits for the broker away as retention does, but for the last `spare` of each station, while no box runs. */
	lose(spare: number): Promise<{ readonly station: string; readonly from: number; readonly to: number }[]>;
};

/** A box with its line and its broker, which is told what docs/scada tells a broker. `mqtt` are more of its settings. */
export async function plant(more: readonly string[] = [], mqtt = '', everyMs = 50): Promise<Plant> {
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
		`  ${name}: { model: bundle, threshold: ${threshold}, threads: 1, trigger: { everyMs: ${everyMs} } }\n`;
	const station = (name: string) =>
		`  ${name}: { camera: { source: pictures, loop: true }, recipe: ${name} }\n`;
	await writeFile(
		config,
		`box: t\nmqtt: { url: "mqtt://127.0.0.1:${port}"${mqtt} }\nstations:\n${station('good')}${station('bad')}recipes:\n${recipe('good', 1e9)}${recipe('bad', 1e-9)}`,
	);
	const shipped = readFileSync(join(EXAMPLES, 'mosquitto.conf'), 'utf8').split('\n');
	const lines = [
		...shipped.filter((line) => /^[a-z]/.test(line) && !line.startsWith('persistence_location')),
		...more,
	];
	let broker = await startMosquitto(port, path, onceEach(lines));
	const records = join(path, 't-state');
	const opened = async () => journalIn(records);
	return {
		path,
		port,
		get broker() {
			return broker;
		},
		box: () => start('run', '--config', config),
		restartBroker: async (changed = []) => {
			await broker[Symbol.asyncDispose]();
			broker = await startMosquitto(port, path, onceEach([...lines, ...changed]));
		},
		recorded: async () => {
			await using journal = await opened();
			const events = await journal.events(ALL, 1e6, ['verdict']);
			return events.map(({ id, station, sequence }) => ({
				id: `${journal.series}-${id}`,
				station: station!,
				sequence: sequence!,
			}));
		},
		lose: async (spare) => {
			await using journal = await opened();
			const waiting = await journal.undelivered('broker', 'events');
			const [first] = waiting;
			if (!first) return [];
			const events = await journal.events({ from: first.from, to: ALL.to }, 1e6, ['verdict']);
			const gone = events.slice(0, events.length - 2 * spare);
			const rest = { from: gone.at(-1)!.id + 1, to: Number.POSITIVE_INFINITY };
			journal.deliver('broker', 'events', [rest]);
			const gaps = [...new Set(gone.map((event) => event.station!))].map((name) => {
				const numbers = gone.filter((event) => event.station === name).map(({ sequence }) => sequence!);
				return { station: name, from: Math.min(...numbers), to: Math.max(...numbers) };
			});
			await journal.append(
				gaps.map(({ station: name, from, to }) =>
					gapEntry('t', name, { from, to, reason: 'retention' }, Date.now()),
				),
			);
			return gaps;
		},
		[Symbol.asyncDispose]: async () => {
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
		stdio: ['ignore', 'pipe', 'pipe'],
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
		if (child.exitCode === null && child.signalCode === null) child.kill(signal);
		await ended;
	};
	return { child, said, errors: () => errors, end, [Symbol.asyncDispose]: () => end('SIGKILL') };
}
