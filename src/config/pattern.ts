import { Failure } from '../base/failure.js';
import { type CameraSource, numberedNode, parseSource } from '../vision/source.js';

/** The ports that are meant where none is given. */
const PORTS: Readonly<Record<string, string>> = {
	rtsp: '554',
	rtsps: '322',
	http: '80',
	https: '443',
	mqtt: '1883',
	mqtts: '8883',
	ws: '80',
	wss: '443',
};

const BYTE = '(?:\\d|[1-9]\\d|1\\d\\d|2[0-4]\\d|25[0-5])';
const IPV4 = new RegExp(`^${BYTE}(\\.${BYTE}){3}$`);

/** What a source or an address reaches, taken apart so that each part is compared with its own. */
type Reach =
	| {
			readonly kind: 'address';
			readonly scheme: string;
			readonly user: string | undefined;
			readonly host: string;
			readonly port: string;
			/** Path and query. */
			readonly path: string;
	  }
	| { readonly kind: 'path'; readonly path: string }
	| { readonly kind: 'text'; readonly text: string };

/** `form`: how it is read, as "snapshot"; "" where it says nothing. */
type Place = { readonly form: string; readonly reach: Reach };

/** A path in which no link is left, also of what does not exist yet. */
export type RealPath = (path: string) => Promise<string>;

/** What is wrong with a pattern of sources; undefined when nothing is. */
export function cameraPatternFault(text: string): string | undefined {
	const place = patternIn(text);
	if (typeof place === 'string') return place;
	const { reach, form } = place;
	if (reach.kind === 'address' && !/^(rtsps?|https?)$/.test(reach.scheme))
		return `begins with ${reach.scheme}://, which no camera speaks`;
	if (form === 'gstreamer' && text.includes('**'))
		return 'has "**", which would let in any element of a pipeline: in one "*" stands for letters, digits, "_", "." and "-"';
	return undefined;
}

/** What is wrong with a pattern of brokers; undefined when nothing is. */
export function brokerPatternFault(text: string): string | undefined {
	const place = patternIn(text);
	if (typeof place === 'string') return place;
	if (place.reach.kind !== 'address' || !/^(mqtts?|wss?)$/.test(place.reach.scheme) || place.form !== '')
		return 'does not begin with mqtt://, mqtts://, ws:// or wss://';
	return undefined;
}

/** The same pattern, its path resolved where it has one. */
export function patternFrom(text: string, resolve: (path: string) => string): string {
	const place = patternIn(text);
	if (typeof place === 'string' || place.reach.kind !== 'path') return text;
	return `${place.form === '' ? '' : `${place.form}: `}${resolve(place.reach.path)}`;
}

/** Whether one of the patterns, which are right, lets a camera's source in: what cannot be compared for sure is let in by none. */
export async function letsSourceIn(
	patterns: readonly string[],
	source: string,
	realPath: RealPath,
): Promise<boolean> {
	const place = sourcePlace(source);
	return place !== undefined && anyMatches(patterns, place, realPath);
}

/** The same of a broker's address. */
export async function letsBrokerIn(patterns: readonly string[], address: string): Promise<boolean> {
	const reach = addressIn(address);
	if (reach === undefined || !isPlain(reach)) return false;
	return anyMatches(patterns, { form: '', reach }, async (path) => path);
}

/** Whether a path lies inside of a folder, links followed. */
export async function isInside(folder: string, path: string, realPath: RealPath): Promise<boolean> {
	const [outer, inner] = await Promise.all([realPath(folder), realPath(path)]);
	return inner.startsWith(outer.endsWith('/') ? outer : `${outer}/`) && inner !== outer;
}

async function anyMatches(patterns: readonly string[], place: Place, realPath: RealPath): Promise<boolean> {
	for (const pattern of patterns) if (await matches(pattern, place, realPath)) return true;
	return false;
}

async function matches(pattern: string, { form, reach }: Place, realPath: RealPath): Promise<boolean> {
	const wanted = patternIn(pattern);
	if (typeof wanted === 'string' || wanted.form !== form || wanted.reach.kind !== reach.kind) return false;
	if (wanted.reach.kind === 'address' && reach.kind === 'address')
		return (
			wanted.reach.scheme === reach.scheme &&
			isHostLike(wanted.reach.host, reach.host) &&
			isLike(wanted.reach.port, reach.port, '\\d*', '\\d*') &&
			isLike(wanted.reach.path, reach.path, '[^/?]*', '.*')
		);
	if (wanted.reach.kind === 'path' && reach.kind === 'path')
		return isLike(await realPattern(wanted.reach.path, realPath), await realPath(reach.path), '[^/]*', '.*');
	if (wanted.reach.kind === 'text' && reach.kind === 'text')
		return isLike(wanted.reach.text, reach.text, '[\\w.-]*', '[^/]*');
	return false;
}

/** The folders before the first "*" with their links followed: what a path is compared with has none either. */
async function realPattern(pattern: string, realPath: RealPath): Promise<string> {
	const star = pattern.indexOf('*');
	if (star < 0) return realPath(pattern);
	const end = pattern.lastIndexOf('/', star);
	const folder = await realPath(pattern.slice(0, Math.max(end, 1)));
	return `${folder === '/' ? '' : folder}${pattern.slice(end)}`;
}

/** In a pattern of numbers "*" stands for numbers: 10.0.3.com is somebody else's name. */
function isHostLike(pattern: string, host: string): boolean {
	if (!/^[\d.*]*\d[\d.*]*$/.test(pattern)) return isLike(pattern, host, '[^.:]*', '[^:]*');
	return IPV4.test(host) && isLike(pattern, host, '\\d*', '[\\d.]*');
}

function isLike(pattern: string, text: string, one: string, many: string): boolean {
	const source = pattern
		.split(/(\*+)/)
		.map((part, i) =>
			i % 2 === 0 ? part.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&') : part === '*' ? one : many,
		)
		.join('');
	return new RegExp(`^${source}$`, 's').test(text);
}

/** A pattern taken apart, or what is wrong with it. */
function patternIn(text: string): Place | string {
	if (text !== text.trim() || text === '') return 'has blanks around it or is empty';
	if (/\*{3}/.test(text)) return 'has "***": "*" stands for what has no "/", "**" for anything';
	const [, named = '', rest = text] =
		/^(snapshot|watch|watch-all|gstreamer|sim):(?!\/\/)\s*(.*)$/is.exec(text) ?? [];
	const form = named.toLowerCase();
	if (form === 'gstreamer' || form === 'sim') return { form, reach: { kind: 'text', text: rest } };
	if (!/^[a-z][a-z0-9+.-]*:/i.test(rest)) {
		if (form === 'snapshot') return 'a snapshot has an address with http:// or https://';
		if (rest === '') return 'names no folder';
		const path = form === '' && /^\d+$/.test(rest) ? `/dev/video${Number(rest)}` : rest;
		return { form, reach: { kind: 'path', path } };
	}
	const reach = addressIn(rest);
	if (reach === undefined) return 'is no address that others can be compared with, like rtsp://10.0.3.*/**';
	if (reach.user !== undefined)
		return 'names a user: leave out what stands before "@", any user may be given';
	if (/^\[.*\*/.test(reach.host))
		return 'has a "*" in an IPv6 address, which has many spellings: write it whole';
	if (form !== '' && form !== 'snapshot') return `"${form}:" has a folder behind it`;
	return { form, reach };
}

function sourcePlace(text: string): Place | undefined {
	let source: CameraSource;
	try {
		source = parseSource(text);
	} catch (thrown) {
		if (thrown instanceof Failure) return undefined;
		throw thrown;
	}
	switch (source.kind) {
		case 'device':
			return pathPlace('', numberedNode(source.device) ?? source.device);
		case 'file':
			return pathPlace('', source.path);
		case 'watch':
			return pathPlace(source.existing ? 'watch-all' : 'watch', source.path);
		case 'stream':
		case 'snapshot': {
			const reach = addressIn(source.url);
			if (reach === undefined || !isPlain(reach)) return undefined;
			return { form: source.kind === 'snapshot' ? 'snapshot' : '', reach };
		}
		case 'gstreamer':
			return { form: 'gstreamer', reach: { kind: 'text', text: source.pipeline } };
		case 'sim':
			return { form: 'sim', reach: { kind: 'text', text: text.trim().slice('sim:'.length) } };
	}
}

function pathPlace(form: string, path: string): Place | undefined {
	const isPlainPath = path.startsWith('/') && !hasDots(path);
	return isPlainPath ? { form, reach: { kind: 'path', path } } : undefined;
}

/**
 * An address as every program that may be given it reads it. Where they part (RFC 3986 and the URL Standard disagree on "\", a second
 * "@", and what stands before the first "/"), it is none.
 */
function addressIn(text: string): Extract<Reach, { kind: 'address' }> | undefined {
	const found =
		/^([a-z]+):\/\/(?:([!-~]*?)@)?(\[[0-9a-f:.*]+\]|[a-z0-9_.*-]+)(?::([1-9]\d{0,4}|\*))?(\/[!-~]*)?$/i.exec(
			text,
		);
	if (!found) return undefined;
	const [, given = '', user, written = '', port, path = '/'] = found;
	const scheme = given.toLowerCase();
	if (!Object.hasOwn(PORTS, scheme) || /[@#\\]/.test(path) || /[@/?#\\]/.test(user ?? '')) return undefined;
	const host = hostIn(written.toLowerCase());
	if (host === undefined) return undefined;
	return { kind: 'address', scheme, user, host, port: port ?? PORTS[scheme]!, path };
}

function hostIn(host: string): string | undefined {
	if (!host.startsWith('[')) return /^[^.]+(\.[^.]+)*$/.test(host) ? host : undefined;
	if (host.includes('*')) return host;
	return URL.canParse(`http://${host}`) ? new URL(`http://${host}`).hostname : undefined;
}

/** Without what stands for many, and without a path that some decode and others do not. */
function isPlain({ host, port, path }: Extract<Reach, { kind: 'address' }>): boolean {
	if (host.includes('*') || port === '*') return false;
	// 0x7f.1 and 2130706433 are 127.0.0.1 to some.
	if (/(^|\.)(\d+|0x[0-9a-f]*)$/.test(host) && !IPV4.test(host)) return false;
	return !hasDots(path) && !/%(?:2[ef5]|5c|[01][0-9a-f]|7f)/i.test(path);
}

function hasDots(path: string): boolean {
	return path.split(/[/?]/).some((segment) => segment === '.' || segment === '..');
}
