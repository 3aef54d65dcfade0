import type { Context } from '../base/context.js';
import { Failure } from '../base/failure.js';
import { masked } from '../base/secrets.js';
import type { Config } from '../config/schema.js';
import { clientIdOf, loadConfig, passwordOf, secretsOf } from '../daemon/settings.js';
import { readBundle } from '../disk/bundle.js';
import { listImages } from '../disk/dataset.js';
import { openScorer } from '../inspect/scorer.js';
import { probeBroker } from '../mqtt/probe.js';
import { openCamera } from '../opencv/camera.js';
import { openSession } from '../ort/session.js';
import { topicOf } from '../protocol/topics.js';
import { parseSource } from '../vision/source.js';
import { type Command, textOption } from './terminal/command.js';

/** One thing that was tried. */
type Finding = { readonly what: string; readonly ok: boolean; readonly message: string };

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
		const config = await loadConfig(file, context.env);
		const secrets = secretsOf(config, await passwordOf(config).catch(() => undefined));
		context.conceal(secrets);
		const findings = [
			...(await inTurn(Object.entries(config.recipes), ([name, recipe]) =>
				attempt(`recipes.${name}`, () => tryBundle(recipe)),
			)),
			...(await inTurn(Object.entries(config.stations), ([name, { camera }]) =>
				attempt(`stations.${name}`, () => tryCamera(camera, context)),
			)),
			await attempt('mqtt', () => tryBroker(config, context.signal)),
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
	const parsed = parseSource(source);
	const camera = await openCamera(parsed, {
		...options,
		loop: false,
		listImages: (folder) => listImages(folder, note),
	});
	try {
		// Pictures come there when parts come.
		if (parsed.kind === 'watch') return `folder "${parsed.path}" can be watched`;
		const frame = await camera.read({ after: Number.NEGATIVE_INFINITY, signal });
		if (!frame) throw new Failure('camera-silent', `Camera "${source}" gives no frame`);
		const { width, height } = frame;
		frame.release();
		return `camera "${source}" gives ${width}x${height}`;
	} finally {
		await camera.close();
	}
}

async function tryBroker(config: Config, signal: AbortSignal): Promise<string> {
	const password = await passwordOf(config);
	const { box, mqtt, stations } = config;
	const { root, url, username } = mqtt;
	const clientId = clientIdOf(config);
	const login = {
		url,
		clientId,
		version: mqtt.version === '5' ? 5 : 4,
		...(username !== undefined && { username }),
		...(password !== undefined && { password }),
	} as const;
	const publish = [
		topicOf('boxState', { root, box }),
		...Object.keys(stations).flatMap((station) => [
			topicOf('stationState', { root, box, station }),
			topicOf('verdict', { root, box, station }),
			topicOf('heatmap', { root, box, station, id: 'check', index: '0' }),
		]),
	];
	const { version, refused, notes } = await probeBroker(
		login,
		topicOf('check', { root, box }),
		{ publish, subscribe: [] },
		signal,
	);
	if (refused && refused.length > 0) {
		const topics = refused.map(({ topic, reason }) => `"${topic}": ${reason}`);
		throw new Failure(
			'broker-refused',
			`Broker "${url}" lets us in, but refuses ${topics.join('; ')}`,
			'Allow these topics to the box in the access control of the broker.',
		);
	}
	const may = refused ? ['takes messages on every topic of the box'] : [];
	return [`broker "${url}" lets us in with MQTT ${version}`, ...may, ...notes].join('; ');
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
