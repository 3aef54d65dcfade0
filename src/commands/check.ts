import { createConnection } from 'node:net';
import type { Context } from '../base/context.js';
import { Failure } from '../base/failure.js';
import { masked } from '../base/secrets.js';
import type { Config } from '../config/schema.js';
import { loadConfig, passwordOf, secretsOf } from '../daemon/settings.js';
import { readBundle } from '../disk/bundle.js';
import { listImages } from '../disk/dataset.js';
import { openScorer } from '../inspect/scorer.js';
import { openCamera } from '../opencv/camera.js';
import { openSession } from '../ort/session.js';
import { parseSource } from '../vision/source.js';
import { type Command, textOption } from './terminal/command.js';

/** One thing that was tried. */
type Finding = { readonly what: string; readonly ok: boolean; readonly message: string };

const BROKER_TIMEOUT_MS = 3000;

export const check: Command = {
	name: 'check',
	summary:
		'Tries everything that a configuration needs: the file itself, each bundle with its golden vectors, each camera, the broker.',
	positionals: [],
	options: {
		config: { value: 'FILE', summary: 'the configuration (YAML)' },
		json: { summary: 'print the findings as one line of JSON' },
	},
	run: async (args, context) => {
		const file = textOption(args, 'config');
		if (file === undefined)
			throw new Failure('usage', 'check needs a configuration', 'Give one with --config FILE.');
		const config = await loadConfig(file);
		const secrets = secretsOf(config, await passwordOf(config).catch(() => undefined));
		context.conceal(secrets);
		const findings = [
			...(await inTurn(Object.entries(config.recipes), ([name, recipe]) =>
				attempt(`recipes.${name}`, () => tryBundle(recipe)),
			)),
			...(await inTurn(Object.entries(config.stations), ([name, { camera }]) =>
				attempt(`stations.${name}`, () => tryCamera(camera, context)),
			)),
			await attempt('mqtt', () => tryBroker(config)),
		];
		const shown = findings.map((finding) => ({ ...finding, message: masked(finding.message, secrets) }));
		const faults = findings.filter(({ ok }) => !ok);
		if (args.options.json) context.print({ ok: faults.length === 0, findings: shown });
		else
			for (const { what, ok, message } of shown)
				context.print(`${ok ? 'ok   ' : 'FAULT'}  ${what}: ${message}`);
		if (faults.length > 0) {
			throw new Failure(
				'config-invalid',
				`Configuration "${file}" would start with ${faults.length} fault${faults.length === 1 ? '' : 's'}`,
			);
		}
		if (!args.options.json) context.print(`Configuration "${file}" would start.`);
	},
};

async function tryBundle({
	model,
	provider,
	threads,
	precision,
}: Config['recipes'][string]): Promise<string> {
	const bundle = await readBundle(model);
	const scorer = await openScorer(bundle, openSession, {
		provider,
		threads,
		precision,
	});
	await scorer.close();
	const { calibration, architecture } = bundle.manifest;
	return `bundle "${model}" (${architecture.backbone}) proves its golden vectors in ${scorer.precision} on ${provider}; threshold ${calibration.threshold.toFixed(4)}`;
}

async function tryCamera(
	{ source, ...options }: Config['stations'][string]['camera'],
	{ signal, note }: Context,
): Promise<string> {
	const camera = await openCamera(parseSource(source), {
		...options,
		loop: false,
		listImages: (folder) => listImages(folder, note),
	});
	try {
		const frame = await camera.read({ after: Number.NEGATIVE_INFINITY, signal });
		if (!frame) throw new Failure('camera-silent', `Camera "${source}" gives no frame`);
		const { width, height } = frame;
		frame.release();
		return `camera "${source}" gives ${width}x${height}`;
	} finally {
		await camera.close();
	}
}

async function tryBroker(config: Config): Promise<string> {
	await passwordOf(config);
	const { hostname, port, protocol, host } = new URL(config.mqtt.url);
	const fallback = { 'mqtt:': 1883, 'mqtts:': 8883, 'ws:': 80, 'wss:': 443 }[protocol] ?? 1883;
	await new Promise<void>((resolve, reject) => {
		const socket = createConnection({
			host: hostname,
			port: Number(port) || fallback,
			timeout: BROKER_TIMEOUT_MS,
		});
		const fail = (state: string) => {
			socket.destroy();
			reject(
				new Failure(
					'broker-refused',
					`Cannot reach broker "${host}": ${state}`,
					'Is it running, and is the address right?',
				),
			);
		};
		socket.once('connect', () => {
			socket.destroy();
			resolve();
		});
		socket.once('timeout', () => fail('no answer'));
		socket.once('error', (error) => fail(error.message));
	});
	return `something listens at "${host}"`;
}

async function attempt(what: string, work: () => Promise<string>): Promise<Finding> {
	try {
		return { what, ok: true, message: await work() };
	} catch (thrown) {
		if (!(thrown instanceof Failure)) throw thrown;
		return { what, ok: false, message: thrown.message };
	}
}

async function inTurn<T, R>(items: readonly T[], work: (item: T) => Promise<R>): Promise<R[]> {
	const results: R[] = [];
	for (const item of items) results.push(await work(item));
	return results;
}
