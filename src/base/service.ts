/** A piece of the running daemon; disposing ends it and resolves when nothing of it runs any more. */
export type Service = AsyncDisposable & {
	readonly name: string;
	/** Ends it at once, whatever it is at: from here on it does, holds and says nothing. For one that may hang while it ends. */
	abandon?(): void;
};
