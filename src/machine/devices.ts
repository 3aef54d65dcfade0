import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Below } from './below.js';

/** What of a box's devices and tools is there, for whoever asks. */
export type Devices = {
	/** Cameras of V4L2: "/dev/video0". */
	readonly video: readonly string[];
	/** Those of them that this user may not use. */
	readonly closedVideo: readonly string[];
	/** Names of them that stay the same, and which they are now; the best first. */
	readonly stableNames: readonly { readonly name: string; readonly node: string }[];
	/** NVIDIA's server of CSI cameras: whether it is installed, and whether it listens. */
	readonly argus: 'absent' | 'installed' | 'listening';
	/** Nodes of the GPU that this user may not use; null where there are none at all. */
	readonly closedGpu: readonly string[] | null;
	/** Whether swap is compressed memory, a disk, or none. */
	readonly swap: 'zram' | 'disk' | 'none';
	/** Whether a desktop is started with the box; null where that is not told. */
	readonly desktop: boolean | null;
};

/** nvgpu's and nvmap's nodes on JetPack 5 and 6 (names differ by release), and those of the desktop's driver on 7. */
const GPU_NODES = ['/dev/nvmap', '/dev/nvhost-ctrl-gpu', '/dev/nvhost-gpu', '/dev/nvidiactl', '/dev/nvidia0'];

/** Where nvargus-daemon listens: clients with a /tmp of their own do not find it. */
const ARGUS = '/tmp/argus_socket';

/** Where udev names cameras: by our rules, by serial and by socket. */
const NAMES = ['/dev/inspectord', '/dev/v4l/by-id', '/dev/v4l/by-path'];

/** `root` is that of `files`. Never throws. */
export async function devices(files: Below, root: string): Promise<Devices> {
	const isThere = async (file: string) =>
		(await files.names(dirname(file))).includes(file.slice(file.lastIndexOf('/') + 1));
	const [dev, listening, installed, swaps, target, nodes, named] = await Promise.all([
		files.names('/dev'),
		isThere(ARGUS),
		isThere('/usr/sbin/nvargus-daemon'),
		files.text('/proc/swaps'),
		files
			.real('/etc/systemd/system/default.target')
			.then((real) => real ?? files.real('/lib/systemd/system/default.target')),
		Promise.all(GPU_NODES.map(isThere)),
		Promise.all(NAMES.map(async (folder) => (await files.names(folder)).map((name) => `${folder}/${name}`))),
	]);
	const gpu = GPU_NODES.filter((_, i) => nodes[i]);
	const closed = await Promise.all(gpu.map((node) => isClosed(join(root, node))));
	const video = dev.filter((name) => /^video\d+$/.test(name)).map((name) => `/dev/${name}`);
	const closedVideo = await Promise.all(video.map((node) => isClosed(join(root, node))));
	const stableNames = await Promise.all(
		named.flat().map(async (name) => ({ name, node: (await files.real(name)) ?? '' })),
	);
	const active = (swaps ?? '').split('\n').slice(1).filter(Boolean);
	return {
		video,
		closedVideo: video.filter((_, i) => closedVideo[i]),
		stableNames,
		argus: listening ? 'listening' : installed ? 'installed' : 'absent',
		closedGpu: gpu.length === 0 ? null : gpu.filter((_, i) => closed[i]),
		swap:
			active.length === 0 ? 'none' : active.some((line) => line.startsWith('/dev/zram')) ? 'zram' : 'disk',
		desktop: target === null ? null : target.endsWith('/graphical.target'),
	};
}

async function isClosed(node: string): Promise<boolean> {
	try {
		await access(node, constants.R_OK | constants.W_OK);
		return false;
	} catch {
		return true;
	}
}
