import { createRequire } from 'node:module';
import { join } from 'node:path';
import type * as OpenCv from 'opencv4nodejs';
import { bindingFailure } from './binding.js';

const require = createRequire(import.meta.url);

/** How long FFmpeg waits for a silent network camera. */
const SOCKET_TIMEOUT_MS = 2000;

// The binding and FFmpeg inside OpenCV take settings from the environment alone, when they are loaded:
// - its memory tracking aborts V8 when a Mat is collected (Node ≥ 20), so every Mat is released by hand;
// - without a timeout a silent camera blocks this thread for 30 s.
process.env.OPENCV4NODEJS_DISABLE_EXTERNAL_MEM_TRACKING ??= '1';

/** The binding: to be loaded once a process, and by this folder alone. It throws plain strings. @throws Failure library-unusable on import */
export const cv = loaded();

process.env.OPENCV_FFMPEG_CAPTURE_OPTIONS ??= `rtsp_transport;tcp|${socketTimeoutOption()};${SOCKET_TIMEOUT_MS * 1000}`;

export function opencvVersion(): string {
	const { major, minor, revision } = cv.version;
	return `${major}.${minor}.${revision}`;
}

/** FFmpeg 4 (JetPack 5 and 6) means something else by `timeout`. */
function socketTimeoutOption(): string {
	const avcodec = Number(/avcodec:\s+YES \((\d+)\./.exec(cv.getBuildInformation())?.[1] ?? 0);
	return avcodec >= 59 ? 'timeout' : 'stimeout';
}

/**
 * The package's own loader brings in what builds an OpenCV, a seventh of what a station's process does until its first verdict: here is
 * what that loads in the end, with promises for callbacks. @throws Failure library-unusable
 */
function loaded(): typeof OpenCv {
	try {
		const library = join(require.resolve('opencv4nodejs'), '..');
		const { default: promising } = require(join(library, 'promisify.js')) as {
			default: (binding: unknown) => typeof OpenCv;
		};
		return promising(require(join(library, '../../build/Release/opencv4nodejs.node')));
	} catch (thrown) {
		throw bindingFailure(thrown);
	}
}
