import { spawn, spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const PYTHON = '/usr/bin/python3';
const SCRIPT = fileURLToPath(new URL('../../../test/cameras/rtsp-server.py', import.meta.url));

/** Whether GStreamer's RTSP server is there; says so where not. */
export function hasRtspServer(): boolean {
	const probe =
		"import gi; gi.require_version('GstRtspServer', '1.0'); from gi.repository import Gst, GstRtspServer; Gst.init(None); assert Gst.ElementFactory.find('x264enc')";
	if (spawnSync(PYTHON, ['-c', probe], { stdio: 'ignore' }).status === 0) return true;
	console.log("skipped: GStreamer's RTSP server is not installed");
	return false;
}

/** A camera that speaks RTSP. */
export async function startRtspServer(
	port: number,
): Promise<AsyncDisposable & { readonly url: string; readonly clockUrl: string }> {
	const child = spawn(PYTHON, [SCRIPT, String(port)], { stdio: ['ignore', 'pipe', 'ignore'] });
	await new Promise((resolve) => child.stdout.once('data', resolve));
	return {
		url: `rtsp://127.0.0.1:${port}/camera`,
		clockUrl: `rtsp://127.0.0.1:${port}/clock`,
		[Symbol.asyncDispose]: async () => {
			const exited = new Promise((resolve) => child.once('exit', resolve));
			child.kill('SIGKILL');
			await exited;
		},
	};
}
