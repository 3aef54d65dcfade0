/** Wakes whoever waits for something new. */
export type News = {
	/** There is something new. */
	tell(): void;
	/** Resolves when something new is told, or the signal is aborted. */
	next(signal: AbortSignal): Promise<void>;
};

export function createNews(): News {
	const waiting = new Set<() => void>();
	return {
		tell: () => {
			for (const hear of [...waiting]) hear();
		},
		next: (signal) =>
			new Promise((resolve) => {
				const heard = () => {
					waiting.delete(heard);
					signal.removeEventListener('abort', heard);
					resolve();
				};
				waiting.add(heard);
				signal.addEventListener('abort', heard);
				if (signal.aborted) heard();
			}),
	};
}
