import { z } from 'zod';
import { PRECISIONS } from '../base/precision.js';
import { brokerAddressFault, serverNameFault } from './address.js';
import { fileFault } from './file-setting.js';
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
		),
	root: faultless(topicRootFault)
		.default('inspectord')
		.describe('The first levels of every topic, one to six: `enterprise/site/area/line`.'),
	version: z
		.enum(['5', '3.1.1'])
		.default('5')
		.describe('Of MQTT. With 3.1.1 the broker cannot say when it refuses a message.'),
	username: z.string().min(1).optional().describe('For brokers that ask for one.'),
	usernameFile: file.optional().describe('A file whose first line is the user, instead of `username`.'),
	passwordFile: file.optional().describe('A file whose first line is the password.'),
	tls: tls
		.optional()
		.describe('For mqtts:// and wss://. Files that change are read again, without a restart.'),
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
		),
	loop: z.boolean().default(false).describe('Start again at the end of a folder or video file.'),
	timeoutMs: milliseconds(100, 600_000).default(5000).describe('A frame that takes longer is an error.'),
	latencyMs: milliseconds(0, 60_000)
		.default(0)
		.describe(
			'What a live camera takes from exposure until its frame is here, beyond the time from one frame to the next: its frames count as taken so much earlier.',
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

const recipe = z.strictObject({
	model: z
		.string()
		.min(1)
		.describe(
			'The bundle to inspect with: a folder, relative to this file. `lid@1c947c1d` is pinned to what it holds; `lid` is what stands there.',
		),
	region: region.optional(),
	threshold: z
		.union([z.literal('bundle'), z.number().positive()])
		.default('bundle')
		.describe('Scores above it are rejected; "bundle" takes what teaching found.')
		.meta(live),
	trigger: z
		.strictObject({
			everyMs: milliseconds(0, 86_400_000)
				.default(0)
				.describe('Least time between two parts; 0: as frames come.'),
		})
		.prefault({})
		.meta(live),
	deadlineMs: milliseconds(10, 600_000)
		.default(5000)
		.describe('A part whose score comes later than this after its frame is an error.')
		.meta(live),
	provider: z
		.enum(['cpu', 'cuda', 'tensorrt'])
		.default('cpu')
		.describe('What may compute; nothing else ever does.'),
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
		.describe('Processor threads for the model; 0: one a core.'),
	heatmap: heatmap.prefault({}).meta(live),
});

const station = z.strictObject({
	camera,
	recipe: z.string().min(1).describe('One of the recipes below.'),
});

const health = z.strictObject({
	everyMs: milliseconds(1000, 86_400_000)
		.default(30_000)
		.describe('How often the health of the box is told.'),
});

const schedule = z.strictObject({
	selfCheck: z
		.string()
		.optional()
		.describe(
			'When every station scores its golden vectors again, as cron writes times: "0 3 * * *" is three at night.',
		),
});

const megabytes = (lowest: number, highest: number) => z.number().int().min(lowest).max(highest);

const journal = z.strictObject({
	folder: z
		.string()
		.min(1)
		.optional()
		.describe(
			'Where everything that happens is kept, relative to this file; by default what systemd gives (/var/lib/inspectord), else `<box>-state` beside this file.',
		),
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

const control = z.strictObject({
	remote: z
		.enum(['none', 'viewer', 'operator', 'engineer'])
		.default('viewer')
		.describe(
			'As what requests over MQTT are believed at most. A message cannot prove who sends it: the broker must decide who may publish on `<root>/<box>/request/<role>/#`. The socket in the folder of the journal may ask for everything.',
		),
});

/** One configuration file. Unknown keys are faults. */
export const configSchema = z.strictObject({
	box: name.describe('Name of this box in every topic.'),
	mqtt: mqtt.prefault({}),
	stations: z
		.record(name, station)
		.refine((all) => Object.keys(all).length > 0, 'there must be at least one station'),
	recipes: z.record(name, recipe),
	journal: journal.prefault({}),
	schedule: schedule.prefault({}),
	health: health.prefault({}),
	control: control.prefault({}),
	log: z.enum(['error', 'warning', 'info', 'debug']).default('info').meta(live),
});

/** The keys of a recipe that are live. */
export const liveInRecipe: readonly string[] = Object.entries(recipe.shape)
	.filter(([, setting]) => setting.meta()?.applies === 'live')
	.map(([key]) => key);

export type Config = z.infer<typeof configSchema>;
export type RecipeConfig = Config['recipes'][string];
export type CameraConfig = Config['stations'][string]['camera'];

/** For editors and other tools: draft 2020-12. */
export function configJsonSchema(): unknown {
	return z.toJSONSchema(configSchema, { io: 'input' });
}
