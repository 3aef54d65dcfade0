import { constants, readdirSync, readlinkSync } from 'node:fs';
import { open, readFile, realpath, stat } from 'node:fs/promises';
import { Failure } from '../../base/failure.js';
import type { Camera } from '../../vision/frame.js';
import { cv } from '../library.js';
import { openCapture, unavailable } from './capture.js';
import { liveCamera } from './live.js';
import type { CameraOptions } from './options.js';

/** Of the devices of Video4Linux (Linux, devices.txt). */
const MAJOR = 81;

/** A camera of Video4Linux by its number, or a path that leads to it when it is opened. @throws Failure camera-unavailable */
export async function deviceCamera(device: string, options: CameraOptions): Promise<Camera> {
	const path = /^\d+$/.test(device) ? `/dev/video${device}` : device;
	const fault = await accessFault(path);
	if (fault) throw fault;
	try {
		const capture = openCapture(path, cv.CAP_V4L2, path);
		capture.set(cv.CAP_PROP_BUFFERSIZE, 1);
		return liveCamera(capture, path, options);
	} catch (thrown) {
		if (!(thrown instanceof Failure) || thrown.code !== 'camera-unavailable') throw thrown;
		const holder = await holderOf(await realpath(path).catch(() => path));
		throw holder === undefined
			? unavailable(
					path,
					'it gives no pictures',
					'Many cameras have several devices of which one gives pictures: see `v4l2-ctl --list-devices`.',
				)
			: unavailable(path, `it is used by ${holder}`, 'Stop that program: one at a time can read a camera.');
	}
}

async function accessFault(path: string): Promise<Failure | undefined> {
	try {
		const found = await stat(path);
		if (!found.isCharacterDevice() || majorOf(found.rdev) !== MAJOR)
			return unavailable(path, 'it is no camera', 'See `ls -l /dev/video* /dev/v4l/by-id`.');
		await (await open(path, constants.O_RDWR | constants.O_NONBLOCK)).close();
		return undefined;
	} catch (thrown) {
		return deviceFault(path, thrown as NodeJS.ErrnoException);
	}
}

const ABSENT = [
	'there is no such device: it is unplugged, or has another name',
	'Plug the camera in, and see `ls -l /dev/v4l/by-id`: names there stay the same.',
] as const;
const FORBIDDEN = [
	'this user may not open it',
	'Add the user to the group "video", and log in anew.',
] as const;
const GONE = ['its camera is gone', 'Plug the camera in again, and look at its cable.'] as const;

/** What stat(2) and open(2) say of a node, and the driver behind it. */
const CAUSES: Readonly<Record<string, readonly [state: string, advice: string]>> = {
	ENOENT: ABSENT,
	ENOTDIR: ABSENT,
	EACCES: FORBIDDEN,
	EPERM: FORBIDDEN,
	EBUSY: ['it is busy', 'Stop the program that uses it: one at a time can read a camera.'],
	ENODEV: GONE,
	ENXIO: GONE,
	EIO: ['its camera does not answer', 'Unplug it for a moment, and look at its cable and its supply.'],
	ENOSPC: [
		'its USB bus has no bandwidth left',
		'Plug it into a socket of another controller, or have it send MJPG.',
	],
	EMFILE: ['this process has too many files open', 'Start the daemon anew, and report it.'],
};

/** Why a device of Video4Linux cannot be opened, by the error's code. */
export function deviceFault(path: string, { code = '', message }: NodeJS.ErrnoException): Failure {
	const [state, advice] = CAUSES[code] ?? [message, 'Check the camera and its cable.'];
	return unavailable(path, state, advice);
}

function majorOf(device: number): number {
	return (device >> 8) & 0xfff;
}

/** The program that has it open, as far as this user may see. */
async function holderOf(path: string): Promise<string | undefined> {
	for (const pid of readdirSync('/proc').filter(
		(name) => /^\d+$/.test(name) && Number(name) !== process.pid,
	)) {
		try {
			const holds = readdirSync(`/proc/${pid}/fd`).some((fd) => linkOf(`/proc/${pid}/fd/${fd}`) === path);
			if (holds) return `"${(await readFile(`/proc/${pid}/comm`, 'utf8')).trim()}" (process ${pid})`;
		} catch {
			// Another user's process, or one that has just ended.
		}
	}
	return undefined;
}

function linkOf(path: string): string | undefined {
	try {
		return readlinkSync(path);
	} catch {
		return undefined;
	}
}
