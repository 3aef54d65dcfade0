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

/** A camera of Video4Linux by its number or path. @throws Failure camera-unavailable */
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
	const found = await stat(path).catch(() => undefined);
	if (!found)
		return unavailable(path, 'there is no such device', 'Plug the camera in, or see `ls /dev/video*`.');
	if (!found.isCharacterDevice() || majorOf(found.rdev) !== MAJOR)
		return unavailable(path, 'it is no camera', 'See `ls -l /dev/video*`.');
	try {
		await (await open(path, constants.O_RDWR | constants.O_NONBLOCK)).close();
		return undefined;
	} catch (thrown) {
		const { code, message } = thrown as NodeJS.ErrnoException;
		if (code === 'EACCES' || code === 'EPERM')
			return unavailable(
				path,
				'this user may not open it',
				'Add the user to the group "video", and log in anew.',
			);
		if (code === 'EBUSY') return unavailable(path, 'it is busy', 'Stop the program that uses it.');
		if (code === 'ENODEV' || code === 'ENXIO')
			return unavailable(path, 'its camera is gone', 'Plug the camera in again.');
		return unavailable(path, message, 'Check the camera and its cable.');
	}
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
