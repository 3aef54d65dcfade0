import { masked } from './secrets.js';

/** Every way the world can fail us, one code each; a code is part of the public interface and never reused. */
export type FailureCode =
	| 'usage'
	| 'config-invalid'
	| 'file-unreadable'
	| 'file-unwritable'
	| 'file-changed'
	| 'port-busy'
	| 'image-unreadable'
	| 'images-missing'
	| 'camera-unavailable'
	| 'camera-silent'
	| 'teacher-invalid'
	| 'download-failed'
	| 'bundle-invalid'
	| 'bundle-golden'
	| 'precision-refused'
	| 'frame-mismatch'
	| 'frame-changed'
	| 'frame-frozen'
	| 'picture-dark'
	| 'picture-overexposed'
	| 'picture-colour'
	| 'picture-blurred'
	| 'picture-moved'
	| 'part-absent'
	| 'provider-unavailable'
	| 'provider-mistaken'
	| 'provider-slow'
	| 'engine-missing'
	| 'engine-invalid'
	| 'engine-failed'
	| 'model-failed'
	| 'broker-refused'
	| 'certificate-invalid'
	| 'verdict-unproven'
	| 'station-silent'
	| 'station-stopped'
	| 'part-missed'
	| 'deadline'
	| 'gpio-unavailable'
	| 'service-late'
	| 'child-died'
	| 'memory-exceeded'
	| 'library-unusable'
	| 'teaching-failed'
	| 'journal-busy'
	| 'journal-newer'
	| 'daemon-unreachable'
	| 'request-refused'
	| 'trail-broken'
	| 'box-incomplete'
	| 'box-unwell'
	| 'interrupted';

/**
 * A failure of the world (not of our code): `message` says the action that failed, "the thing" and its state;
 * `advice` says what to do. Neither shows a password that an address in it holds. Faults of ours are plain errors and end the process.
 */
export class Failure extends Error {
	override readonly name = 'Failure';
	readonly code: FailureCode;
	readonly advice: string | undefined;

	constructor(code: FailureCode, message: string, advice?: string, options?: ErrorOptions) {
		super(masked(message), options);
		this.code = code;
		this.advice = advice === undefined ? undefined : masked(advice);
	}
}

/** What to do about a piece of the installation that is not there, or not as it was made. */
export const REPAIR =
	'Run npm start in a checkout: it builds what is missing. A package is installed anew: sudo apt install --reinstall ./inspectord_….deb';

/** What the loader says of a library on a disk that nothing may be run from (ld.so, dlopen(3)). */
const NOT_EXECUTABLE = /failed to map segment|cannot enable executable stack|Operation not permitted/;

/** A compiled library that the program brings along and that cannot be loaded: nothing of ours is wrong then, but the installation. */
export function unloadable(library: string, thrown: unknown, state = firstLine(reasonOf(thrown))): Failure {
	const advice = NOT_EXECUTABLE.test(state)
		? 'Is it on a disk that is mounted noexec? Mount that without, or install the program elsewhere.'
		: REPAIR;
	return new Failure('library-unusable', `Cannot load ${library}: ${state}`, advice, { cause: thrown });
}

const firstLine = (text: string): string => text.split('\n', 1)[0] ?? '';

/** The reason in words of whatever was thrown (the OpenCV binding throws plain strings). */
export function reasonOf(thrown: unknown): string {
	return thrown instanceof Error ? thrown.message : String(thrown);
}
