import { Failure } from '../base/failure.js';

/** Where frames come from, as a configuration names it. */
export type CameraSource =
	| { readonly kind: 'device'; readonly device: string }
	| { readonly kind: 'stream'; readonly url: string }
	/** One picture for each request. */
	| { readonly kind: 'snapshot'; readonly url: string }
	| { readonly kind: 'gstreamer'; readonly pipeline: string }
	/** A folder of images or a video file: which, only the disk knows. */
	| { readonly kind: 'file'; readonly path: string }
	/** A folder to which a camera uploads pictures; `existing`: also those that lie there at the beginning. */
	| { readonly kind: 'watch'; readonly path: string; readonly existing: boolean }
	| { readonly kind: 'sim'; readonly sim: SimSource };

/** The simulated line: `defects` is the share of defective parts, `count` ends it, `fps` paces it. */
export type SimSource = {
	readonly seed: number;
	readonly defects: number;
	readonly count: number | undefined;
	readonly fps: number;
};

/** The node of a device that is named by the order in which devices are found, as "0" or "/dev/video0"; undefined for any other name. */
export function numberedNode(device: string): string | undefined {
	const [, number] = /^(?:\/dev\/video)?(\d+)$/.exec(device) ?? [];
	return number && `/dev/video${Number(number)}`;
}

/** A number, a node, and the names that udev gives a node: those of its own rules and of ours (systemd/inspectord.rules). */
const DEVICE = /^(\d+|\/dev\/video\d+|\/dev\/(v4l\/by-(id|path)|inspectord)\/[^/]+)$/;

const examples =
	'"0", "/dev/video0", "/dev/v4l/by-id/…", "rtsp://…", "http://…", "snapshot: http://…", "gstreamer: …", a folder, a video file, "watch: FOLDER", "sim:?seed=1&defects=0.2"';

/** Reads a camera's source. @throws Failure camera-unavailable with what would be right */
export function parseSource(text: string): CameraSource {
	const source = text.trim();
	if (source === '') throw wrong(text, 'it is empty');
	if (DEVICE.test(source)) return { kind: 'device', device: source };
	if (/^(rtsps?|https?):\/\//i.test(source)) return { kind: 'stream', url: urlOf(text, source) };
	const snapshot = /^snapshot:\s*(.*)$/i.exec(source)?.[1];
	if (snapshot !== undefined) {
		if (!/^https?:\/\//i.test(snapshot))
			throw wrong(text, 'a snapshot has an address with http:// or https://');
		return { kind: 'snapshot', url: urlOf(text, snapshot) };
	}
	if (/^gstreamer:/i.test(source)) {
		const pipeline = source.slice('gstreamer:'.length).trim();
		if (!/\bappsink\b/.test(pipeline)) throw wrong(text, 'the pipeline does not end in an appsink');
		return { kind: 'gstreamer', pipeline };
	}
	if (/^sim:/i.test(source)) return { kind: 'sim', sim: parseSim(text, source.slice('sim:'.length)) };
	const watched = /^watch(-all)?:\s*(.*)$/i.exec(source);
	if (watched) {
		const path = watched[2]!;
		if (path === '') throw wrong(text, 'it names no folder');
		return {
			kind: 'watch',
			path: /^file:/i.test(path) ? pathOf(text, path) : path,
			existing: watched[1] !== undefined,
		};
	}
	const scheme = /^([a-z][a-z0-9+.-]+):\/\//i.exec(source);
	if (scheme && scheme[1]!.toLowerCase() !== 'file') throw wrong(text, `nothing here speaks "${scheme[1]}"`);
	return { kind: 'file', path: /^file:/i.test(source) ? pathOf(text, source) : source };
}

function urlOf(text: string, url: string): string {
	if (!URL.canParse(url)) throw wrong(text, 'it is not a URL');
	return url;
}

/** The path that a file URL names, decoded; also relative ones ("file://pictures"), as people write them. */
function pathOf(text: string, source: string): string {
	const given = source.replace(/^file:(?:\/\/(?:localhost(?=\/))?)?/i, '');
	if (given === '') throw wrong(text, 'it names no file');
	const odd = /[?#]/.exec(given)?.[0];
	if (odd) throw wrong(text, `in the URL of a file "${odd}" is written ${encodeURIComponent(odd)}`);
	try {
		const path = decodeURIComponent(given);
		if (!path.includes('\0')) return path;
	} catch {
		throw wrong(text, 'a % in the URL of a file is written %25');
	}
	throw wrong(text, 'a path holds no %00');
}

/** The same source, its path resolved where it has one. @throws Failure camera-unavailable */
export function sourceFrom(text: string, resolve: (path: string) => string): string {
	const source = parseSource(text);
	if (source.kind === 'file') return resolve(source.path);
	if (source.kind === 'watch') return `${source.existing ? 'watch-all' : 'watch'}: ${resolve(source.path)}`;
	return text;
}

const simRanges = {
	seed: { fallback: 1, lowest: 0, highest: 2 ** 32 - 1, whole: true },
	defects: { fallback: 0.2, lowest: 0, highest: 1, whole: false },
	count: { fallback: undefined, lowest: 1, highest: 1e9, whole: true },
	fps: { fallback: 2, lowest: 0.01, highest: 1000, whole: false },
} as const;

function parseSim(text: string, query: string): SimSource {
	const given = new URLSearchParams(query.replace(/^\?/, ''));
	for (const key of given.keys()) {
		if (!Object.hasOwn(simRanges, key)) throw wrong(text, `the simulated line has no "${key}"`);
	}
	const number = (key: keyof typeof simRanges): number | undefined => {
		const { fallback, lowest, highest, whole } = simRanges[key];
		const value = given.get(key);
		if (value === null) return fallback;
		const n = value === '' ? Number.NaN : Number(value);
		if (!(n >= lowest && n <= highest) || (whole && !Number.isInteger(n))) {
			throw wrong(text, `${key} is ${whole ? 'a whole number' : 'a number'} from ${lowest} to ${highest}`);
		}
		return n;
	};
	return { seed: number('seed')!, defects: number('defects')!, count: number('count'), fps: number('fps')! };
}

function wrong(text: string, state: string): Failure {
	return new Failure(
		'camera-unavailable',
		`Cannot use camera source "${text}": ${state}`,
		`Sources look like ${examples}.`,
	);
}
