import { z } from 'zod';
import { PRECISIONS } from '../base/precision.js';
import { PROVIDERS } from '../base/provider.js';
import type { Fault } from '../vision/quality.js';
import { brokerAddressFault, serverNameFault } from './address.js';
import { alarmsOf } from './alarms.js';
import { fileFault } from './file-setting.js';
import { listenFault } from './listen.js';
import { brokerPatternFault, cameraPatternFault } from './pattern.js';
import { keyName, publicKeyFault } from './public-key.js';
import { topicRootFault } from './topic-root.js';

/** Names become levels of MQTT topics. */
const name = z
	.string()
	.regex(
		/^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/,
		'must be letters, digits, "-" or "_", at most 64, and start with a letter or digit',
	);

/** Of a setting that a service can be told while it runs, with all below it; others start the service anew. */
const live = { applies: 'live' } as const;

/** Of a setting that nobody edits over MQTT, with all below it; others may be. */
const never = { remote: 'never' } as const;

/** Of one that is edited in the file alone: it moves the service that answers, or says whom it believes. */
const inFile = { remote: 'never', edit: 'file' } as const;

/** Of one that is edited over MQTT within what `control.allow` names. */
const within = (list: 'cameras' | 'brokers' | 'bundles') => ({ remote: list });

const milliseconds = (lowest: number, highest: number) => z.number().int().min(lowest).max(highest);

/** A text in which `faultOf` finds nothing wrong. */
const faultless = (faultOf: (text: string) => string | undefined) =>
	z.string().superRefine((text, context) => {
		const message = faultOf(text);
		if (message !== undefined) context.addIssue({ code: 'custom', message });
	});

const file = faultless(fileFault);

const addresses = z.union([z.string(), z.array(z.string()).min(1).max(8)]).superRefine((told, context) => {
	for (const [i, address] of [told].flat().entries()) {
		const message = brokerAddressFault(address);
		const path = typeof told === 'string' ? [] : [i];
		if (message !== undefined) context.addIssue({ code: 'custom', message, path });
	}
});

const tls = z.strictObject({
	ca: file
		.optional()
		.describe(
			"A file (PEM) with the certificates of the authorities that may have signed the broker's; by default those that Node knows.",
		),
	cert: file
		.optional()
		.describe(
			'A file (PEM) with the certificate by which the broker knows this box, and those between it and its authority.',
		),
	key: file.optional().describe('A file (PEM) with the private key of `cert`.'),
	serverName: faultless(serverNameFault)
		.optional()
		.describe("The name that the broker's certificate must be for, where it is not the host of the address."),
	verify: z
		.boolean()
		.default(true)
		.describe(
			"`false`: whoever answers at the address is believed to be the broker; the box's state says so.",
		),
});

const mqtt = z.strictObject({
	url: addresses
		.default('mqtt://localhost:1883')
		.describe(
			'Address of the broker; or a list of up to 8 that stand for one another: the next one is tried when one cannot be reached.',
		)
		.meta(within('brokers')),
	root: faultless(topicRootFault)
		.default('inspectord')
		.describe('The first levels of every topic, one to six: `enterprise/site/area/line`.'),
	version: z
		.enum(['5', '3.1.1'])
		.default('5')
		.describe('Of MQTT. With 3.1.1 the broker cannot say when it refuses a message.'),
	username: z.string().min(1).optional().describe('For brokers that ask for one.'),
	usernameFile: file
		.optional()
		.describe('A file whose first line is the user, instead of `username`.')
		.meta(never),
	passwordFile: file.optional().describe('A file whose first line is the password.').meta(never),
	tls: tls
		.optional()
		.describe('For mqtts:// and wss://. Files that change are read again, without a restart.')
		.meta(never),
	expiryS: z
		.number()
		.int()
		.min(0)
		.max(4_294_967_295)
		.default(604_800)
		.describe(
			'So long a broker keeps a message (not a state) for a subscriber who is away, in seconds (MQTT 5); 0: as long as it likes. The journal keeps it longer.',
		),
	clientId: z.string().min(1).max(65535).optional().describe('By default <root>-<box>.'),
	receipts: z
		.boolean()
		.default(false)
		.describe(
			'Say a verdict again until somebody has told on `<root>/<box>/ack` that it has arrived: a broker may lose what it has acknowledged.',
		),
	pictures: z
		.strictObject({
			mostBytesPerSecond: z
				.number()
				.int()
				.min(1000)
				.max(1_000_000_000)
				.default(1_000_000)
				.describe('Heatmaps go on a connection of their own, and no faster than this in the long run.'),
		})
		.prefault({}),
});

const camera = z.strictObject({
	source: z
		.string()
		.min(1)
		.describe(
			'Device number or path, rtsp:// or http:// address, "snapshot: http://…" (one picture for each request), "gstreamer: …", folder of images, video file, "watch: FOLDER" (a camera uploads pictures there: each whole one once, in the order in which they come; "watch-all: FOLDER" also those that lie there at the start), or "sim:?…".',
		)
		.meta(within('cameras')),
	loop: z.boolean().default(false).describe('Start again at the end of a folder or video file.'),
	timeoutMs: milliseconds(100, 600_000).default(5000).describe('A frame that takes longer is an error.'),
	silentMs: milliseconds(0, 600_000)
		.default(1500)
		.describe(
			'A live camera that gave frames and gives no new one for so long (and for three times as long as usual) is told as `camera-silent`, and waited for on until `timeoutMs`. 0: it is not told until then, as of one that sends a frame only when it is triggered.',
		),
	latencyMs: milliseconds(0, 60_000)
		.default(0)
		.describe(
			'What a live camera takes from exposure until its frame is here, beyond the time from one frame to the next: its frames count as taken so much earlier.',
		),
	mostLagMs: milliseconds(0, 600_000)
		.default(1000)
		.describe(
			'By its own time stamps (of RTP, of the parts of MJPEG over HTTP) a live camera may send pictures so much later than it did when it was opened: they count as so much older, and at more it is opened anew. 0: its time stamps are not looked at, as they are wrong.',
		),
});

const region = z
	.strictObject({
		x: z.number().int().min(0),
		y: z.number().int().min(0),
		width: z.number().int().min(8),
		height: z.number().int().min(8),
	})
	.describe('The part of the picture to inspect, in pixels; by default what the bundle was taught with.');

const heatmap = z.strictObject({
	most: z.number().int().min(0).max(32).default(4).describe('Pictures for a rejected part at most.'),
	padding: z.number().int().min(0).max(256).default(12).describe('Surroundings shown, in pixels of the map.'),
	longestSide: z
		.number()
		.int()
		.min(32)
		.max(4096)
		.default(480)
		.describe('Pictures are shrunk to this many pixels.'),
	quality: z.number().int().min(10).max(100).default(80).describe('Of the JPEG.'),
});

const gpio = z.strictObject({
	chip: z
		.string()
		.regex(
			/^[A-Za-z0-9/][A-Za-z0-9/_.-]{0,99}$/,
			'must be a name like "gpiochip0" or a path like "/dev/gpiochip0"',
		)
		.describe('As `gpiodetect` names it.'),
	line: z.number().int().min(0).max(65_535).describe('Its number on the chip.'),
	edge: z.enum(['rising', 'falling', 'both']).default('rising').describe('Which one is a signal.'),
});

const trigger = z.strictObject({
	mode: z
		.enum(['every', 'request', 'file', 'gpio'])
		.default('every')
		.describe(
			'What makes a part due: `every` frame; or a signal, which is a `request` (docs/control.md), a `file` that appears, or an edge of a `gpio` line.',
		),
	everyMs: milliseconds(0, 86_400_000)
		.default(0)
		.describe('Of mode `every`: least time between two parts; 0: as frames come.')
		.meta(live),
	delayMs: milliseconds(0, 60_000)
		.default(0)
		.describe('From a signal until its part is in view: the frame is exposed after that.')
		.meta(live),
	withinMs: milliseconds(1, 600_000)
		.optional()
		.describe(
			'How long a part stays in view: its frame is exposed within this time; by default before the next part is due.',
		)
		.meta(live),
	debounceMs: milliseconds(0, 60_000)
		.default(0)
		.describe('A signal that comes so soon after another belongs to that one: a contact bounces.')
		.meta(live),
	leastMs: milliseconds(0, 86_400_000)
		.default(0)
		.describe('Least time between two parts: a signal that comes sooner makes none.')
		.meta(live),
	queue: z
		.number()
		.int()
		.min(1)
		.max(64)
		.default(4)
		.describe('Parts that wait for their verdict, at most: a signal beyond is `busy`, and counted.')
		.meta(live),
	file: z
		.string()
		.min(1)
		.optional()
		.describe(
			'Of mode `file`: where the signal appears, relative to this file; it is renamed when it is taken, and removed when the journal has its part. One that came while the box was down is an error. It is empty, or holds the name of the part, or `{"part": …, "metadata": {…}}`.',
		)
		.meta({ ...live, ...never }),
	gpio: gpio
		.optional()
		.describe("Of mode `gpio`, by libgpiod's `gpiomon`.")
		.meta({ ...live, ...never }),
});

const provider = z.enum(PROVIDERS).optional();

const namedProvider = z
	.strictObject({ require: provider, prefer: provider })
	.superRefine(({ require, prefer }, context) => {
		if (require !== undefined && prefer !== undefined)
			context.addIssue({
				code: 'custom',
				path: ['prefer'],
				message: 'stands beside `require`, and only one of them can (a patch takes the other away with null)',
			});
		if (require === undefined && prefer === undefined)
			context.addIssue({ code: 'custom', message: 'must name either `require` or `prefer`' });
	});

const looked = (what: string) => z.boolean().default(true).describe(what);

const quality = z
	.strictObject({
		dark: looked('Black, or too dark.'),
		overexposed: looked('Too much is burnt out, or it is too bright.'),
		colour: looked('Other colours.'),
		blurred: looked('Less sharp.'),
		absent: looked('No part is in view, or another one.'),
		moved: looked('What all good pictures have in common lies elsewhere.'),
		changed: looked(
			'Pictures of a live camera have another size or pixel format than when its station began, as after it was plugged in again.',
		),
		frozenMs: milliseconds(0, 600_000)
			.default(300)
			.describe(
				'A live camera whose picture stays the very same for so long is frozen; 0: nobody looks. For cameras that send a still scene without any noise.',
			),
	} satisfies Readonly<Record<Fault, z.ZodType>> & Readonly<Record<string, z.ZodType>>)
	.describe(
		'What is looked for before a picture is scored, by limits that the bundle learnt from the good pictures: what is found makes the verdict `error`. `false`: nobody looks for it.',
	);

const recipe = z.strictObject({
	model: z
		.string()
		.min(1)
		.describe(
			'The bundle to inspect with: a folder, relative to this file. `lid@1c947c1d` is pinned to what it holds; `lid` is what stands there.',
		)
		.meta(within('bundles')),
	region: region.optional(),
	threshold: z
		.union([z.literal('bundle'), z.number().positive()])
		.default('bundle')
		.describe('Scores above it are rejected; "bundle" takes what teaching found.')
		.meta(live),
	trigger: trigger.prefault({}),
	deadlineMs: milliseconds(10, 600_000)
		.default(5000)
		.describe(
			'A part whose score comes later than this is an error: after its frame, or after the signal that made it due.',
		)
		.meta(live),
	provider: z
		.union([z.enum(['auto', ...PROVIDERS]), namedProvider])
		.default('auto')
		.describe(
			'What may compute. A name is the same as `{ require: … }`: nothing else ever computes. `{ prefer: … }` serves on `cuda`, else on `cpu`, while that cannot be used, and the state of the station says so (`degraded`). `auto`: the best that is there and proven of `tensorrt` (through an engine), `cuda`, `cpu`.',
		),
	precision: z
		.enum(['bundle', ...PRECISIONS])
		.default('bundle')
		.describe('What the model computes in; only what passed the gate when it was taught may run.'),
	threads: z
		.number()
		.int()
		.min(0)
		.max(256)
		.default(0)
		.describe(
			'Processor threads for the model; 0: what was the fastest on this processor when the bundle was taught, else one a core; where there are several stations when its process starts, no more than an equal share of the cores.',
		),
	goldenEveryMs: milliseconds(0, 86_400_000)
		.default(600_000)
		.describe(
			"While parts are inspected, one of the bundle's golden vectors is scored again so often, when no part waits; 0: never. One that does not score as it did when the bundle was taught makes the station `error` (`bundle-golden`).",
		)
		.meta(live),
	quality: quality.prefault({}).meta(live),
	heatmap: heatmap.prefault({}).meta(live),
	alarms: alarmsOf(name).meta(live),
});

const megabytes = (lowest: number, highest: number) => z.number().int().min(lowest).max(highest);

const station = z.strictObject({
	camera,
	recipe: z.string().min(1).describe('One of the recipes below.'),
	mostMemoryMb: megabytes(100, 1_000_000)
		.optional()
		.describe(
			'Memory that its process may hold, in megabytes, of what it shares with others its part: one that holds more is replaced between two parts. By default no limit.',
		)
		.meta(live),
});

const health = z.strictObject({
	everyMs: milliseconds(1000, 86_400_000)
		.default(30_000)
		.describe('How often the health of the box is told.'),
});

const metrics = z.strictObject({
	listen: faultless(listenFault)
		.optional()
		.describe(
			'Where Prometheus may read how the box is (docs/metrics.md): "127.0.0.1:9464"; by default nowhere. Whoever reaches it may read it: there is no password.',
		),
});

/** As the runtime knows them. */
function zoneFault(zone: string): string | undefined {
	try {
		new Intl.DateTimeFormat('en', { timeZone: zone });
		return undefined;
	} catch {
		return 'is no time zone: write it like "Europe/Berlin" or "UTC"';
	}
}

const timeOfDay = z.string().regex(/^([01]\d|2[0-3]):[0-5]\d$/, 'expected a time such as "05:30"');

const schedule = z.strictObject({
	selfCheck: z
		.string()
		.optional()
		.describe(
			'When every station scores its golden vectors again, as cron writes times: "0 3 * * *" is three at night.',
		),
	report: z
		.string()
		.optional()
		.describe(
			'When it is told how many parts each station judged since the report before: "0 6,14,22 * * *".',
		),
	vacuum: z
		.string()
		.optional()
		.describe(
			'When the journal gives the disk back what it does not use any more: "30 3 * * 0". What is too old or too much goes all the time, and where the disk is short it is given back at once.',
		),
	quiet: z
		.strictObject({
			from: timeOfDay.describe('When they begin: "22:00".'),
			to: timeOfDay.describe('When they end, on the next day where that is before `from`: "05:00".'),
		})
		.refine(({ from, to }) => from !== to, { error: 'is when they begin, too', path: ['to'] })
		.optional()
		.describe(
			'Hours of each day in which stations that take frames by themselves rest: their state is `resting`, a live camera is let go of. Parts that signals or files in a watched folder make due are judged all the same.',
		)
		.meta(live),
	zone: faultless(zoneFault)
		.optional()
		.describe(
			'Time zone of these times: "Europe/Berlin"; by default the one that the box had when the daemon started.',
		),
});

const journal = z.strictObject({
	folder: z
		.string()
		.min(1)
		.optional()
		.describe(
			'Where everything that happens is kept, relative to this file; by default what systemd gives (/var/lib/inspectord), else `<box>-state` beside this file.',
		)
		.meta(inFile),
	mostMb: megabytes(64, 10_000_000)
		.default(8000)
		.describe('Of verdicts and pictures together; the oldest go first, pictures before verdicts.'),
	mostDays: z.number().int().min(1).max(36_500).default(400).describe('What is older goes.'),
	leastFreeMb: megabytes(0, 10_000_000)
		.default(1000)
		.describe('What must stay free on the disk: the oldest go for it.'),
	pictures: z
		.union([z.enum(['rejects', 'all']), z.string().regex(/^every:[1-9]\d{0,8}$/, 'expected every:N')])
		.default('rejects')
		.describe(
			'Of which parts pictures are kept: of rejected ones, of all, or with `every:100` also of each hundredth.',
		)
		.meta(live),
	frames: z
		.boolean()
		.default(false)
		.describe(
			'Keep whole frames (JPEG) of these parts too, so that another bundle can be tried on them with `inspectord replay`.',
		)
		.meta(live),
});

const engines = z.strictObject({
	build: z
		.boolean()
		.default(true)
		.describe(
			'Build TensorRT engines in the background for stations that would compute with one, one after the other and never beside a lesson, and move the stations to them. What is asked for by a request is built in any case.',
		),
	limitS: z
		.number()
		.int()
		.min(60)
		.max(86_400)
		.default(3600)
		.describe('What takes longer to build has failed, in seconds.'),
	folder: z
		.string()
		.min(1)
		.optional()
		.describe(
			'Where engines are kept, relative to this file; by default below what systemd gives (/var/cache/inspectord), else below the cache folder of the user.',
		)
		.meta(never),
});

const allow = z.strictObject({
	cameras: z
		.array(faultless(cameraPatternFault))
		.max(100)
		.default([])
		.describe(
			'Sources that a station may be given over MQTT, beside those that stand here: `rtsp://10.0.3.*/**`, `snapshot: http://cam-*.plant.example/shot.jpg`, `/dev/video*`, `watch: /srv/uploads/*`. "*" stands for what has no "/" (in a host no "."), "**" for anything. Without a port the usual one is meant, and any user may be given.',
		),
	brokers: z
		.array(faultless(brokerPatternFault))
		.max(100)
		.default([])
		.describe(
			'Addresses that `mqtt.url` may be given over MQTT, beside those that stand here, written in the same way: `mqtts://broker-*.plant.example`.',
		),
	bundles: z
		.string()
		.min(1)
		.optional()
		.describe(
			'The folder in which bundles lie that a recipe may be given over MQTT, relative to this file; by default the folders of those that recipes name now.',
		),
	pictures: z
		.string()
		.min(1)
		.optional()
		.describe('The folder from which lessons may be asked to read pictures, relative to this file.'),
});

const signed = z.strictObject({
	settings: z
		.array(z.string().min(1))
		.max(100)
		.default([])
		.describe(
			'Settings that only a signed request may change, also through the socket: `threshold`, `deadlineMs`, `model`, `camera.source`, a whole `recipes`. A name stands for every setting whose keys hold it, and all below.',
		),
	keys: z
		.record(
			z.string().regex(keyName, 'must be letters, digits, "-" or "_", at most 64'),
			faultless(publicKeyFault),
		)
		.default({})
		.describe('Who may sign, by public keys of Ed25519 (`inspectord key NAME`).'),
	windowS: z
		.number()
		.int()
		.min(5)
		.max(86_400)
		.default(300)
		.describe('So far a signature may be from the clock of this box, in seconds.'),
});

const control = z.strictObject({
	remote: z
		.enum(['none', 'viewer', 'operator', 'engineer'])
		.default('viewer')
		.describe(
			'As what requests over MQTT are believed at most. A message cannot prove who sends it: the broker must decide who may publish on `<root>/<box>/request/<role>/#`. The socket in the folder of the journal may ask for everything.',
		),
	allow: allow.prefault({}),
	signed: signed.prefault({}).meta(inFile),
});

/** One configuration file. Unknown keys are faults. */
export const configSchema = z.strictObject({
	box: name.describe('Name of this box in every topic.').meta(inFile),
	mqtt: mqtt.prefault({}),
	stations: z
		.record(name, station)
		.refine((all) => Object.keys(all).length > 0, 'there must be at least one station'),
	recipes: z.record(name, recipe),
	journal: journal.prefault({}),
	engines: engines.prefault({}),
	schedule: schedule.prefault({}),
	health: health.prefault({}),
	metrics: metrics.prefault({}).meta(never),
	control: control.prefault({}).meta(never),
	log: z.enum(['error', 'warning', 'info', 'debug']).default('info').meta(live),
});

const liveIn = (settings: z.ZodObject): string[] =>
	Object.entries(settings.shape).flatMap(([key, setting]) =>
		(setting as z.ZodType).meta()?.applies === 'live' ? [key] : [],
	);

/** What is live in a recipe: keys joined by ".". */
export const liveInRecipe: readonly string[] = [
	...liveIn(recipe),
	...liveIn(trigger).map((key) => `trigger.${key}`),
];

export type Config = z.infer<typeof configSchema>;
export type RecipeConfig = Config['recipes'][string];
export type CameraConfig = Config['stations'][string]['camera'];

let described: unknown;

/** For editors and other tools: draft 2020-12. Made when it is asked for first, which takes a fiftieth of a start. */
export function configJsonSchema(): unknown {
	described ??= z.toJSONSchema(configSchema, { io: 'input' });
	return described;
}
