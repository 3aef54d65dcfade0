import { parseSource } from './source.js';

/** Properties by which elements of GStreamer name what they open. */
const NAMING =
	/(?:^|\s)((?:device|sensor-?_?id|camera-?_?(?:id|name)|serial|uri|location)\s*=\s*)("[^"]*"|\S+)/;

/**
 * What spellings of one camera have in common, as far as their text tells: its path, its address without who logs in, or the
 * element of GStreamer that opens it. @throws Failure camera-unavailable
 */
export function placeOf(text: string): string {
	const source = parseSource(text);
	switch (source.kind) {
		case 'device':
			return source.device.replace(/^(?=\d)/, '/dev/video');
		case 'file':
		case 'watch':
			return source.path;
		case 'stream':
		case 'snapshot':
			return placeOfUrl(source.url);
		case 'gstreamer':
			return placeOfPipeline(source.pipeline);
		case 'sim':
			return text;
	}
}

function placeOfUrl(text: string): string {
	const { protocol, host, pathname, search } = new URL(text);
	return `${protocol}//${host.toLowerCase()}${pathname}${search}`;
}

function placeOfPipeline(pipeline: string): string {
	const first = pipeline.split('!')[0]!.trim();
	const element = first.split(/\s/)[0]!;
	const [, property = '', quoted = ''] = NAMING.exec(first) ?? [];
	const value = quoted.replace(/^"|"$/g, '');
	if (value.startsWith('/dev/')) return value;
	if (URL.canParse(value) && value.includes('://')) return placeOfUrl(value);
	return `${element} ${property.replace(/[\s_-]/g, '')}${value}`;
}
