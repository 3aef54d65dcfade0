/** What every kind of camera is told. */
export type CameraOptions = {
	/** How long a frame may take to come. */
	readonly timeoutMs: number;
	/** What a live camera takes from exposure until its frame is here, beyond the time from one frame to the next. */
	readonly latencyMs: number;
	/** Start again at the end of a folder or file. */
	readonly loop: boolean;
	/** The images of a folder in the order to show them. @throws Failure images-missing */
	listImages(folder: string): Promise<string[]>;
};
