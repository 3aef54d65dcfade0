/** A child process's side of the channel to whoever started it. */
export type Parent<Down, Up> = {
	/** Resolves when the message is handed to the system. */
	send(message: Up): Promise<void>;
	onMessage(listener: (message: Down) => void): void;
	/** Aborted when the parent is gone: an orphan must end itself. */
	readonly gone: AbortSignal;
	/** Lets the process end when nothing else keeps it. */
	leave(): void;
};

/** An orphan that does not end itself within this time hangs, and would keep its camera from whoever comes next. */
const ORPHAN_MS = 10_000;

/** The channel of this process, or undefined when it was not started as a child. */
export function parentChannel<Down, Up>(): Parent<Down, Up> | undefined {
	if (!process.send) return undefined;
	const gone = new AbortController();
	process.once('disconnect', () => {
		gone.abort();
		setTimeout(() => process.kill(process.pid, 'SIGKILL'), ORPHAN_MS).unref();
	});
	return {
		send: (message) =>
			new Promise((resolve) => {
				// A parent that is gone needs no message; `gone` tells.
				if (!process.connected) return resolve();
				process.send?.(message, undefined, undefined, () => resolve());
			}),
		onMessage: (listener) => {
			process.on('message', (message) => listener(message as Down));
		},
		gone: gone.signal,
		leave: () => {
			if (process.connected) process.disconnect();
		},
	};
}
