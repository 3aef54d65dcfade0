import type { LagClock } from '../../vision/lag.js';

/** What every kind of camera is told. */
export type CameraOptions = {
	/** How long a frame may take to come. */
	readonly timeoutMs: number;
	/** What a live camera takes from exposure until its frame is here, beyond the time from one frame to the next. */
	readonly latencyMs: number;
	/** By its own time stamps a live camera's frame may lag so far behind; 0: they are not looked at. */
	readonly mostLagMs: number;
	/** Of time stamps that go on from one opening to the next. */
	readonly lag?: LagClock;
	/** Start again at the end of a folder or file. */
	readonly loop: boolean;
	/** The images of a folder in the order to show them. @throws Failure images-missing */
	listImages(folder: string): Promise<string[]>;
};
