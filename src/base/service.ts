/** A piece of the running daemon; disposing ends it and resolves when nothing of it runs any more. */
export type Service = AsyncDisposable & {
	readonly name: string;
	/** Resolves when it has let go of what another waits for; its end may take longer, and it says nothing more. Disposing follows. */
	letGo?(): Promise<void>;
	/** Ends it at once, whatever it is at: from here on it does, holds and says nothing. For one that may hang while it ends. */
	abandon?(): void;
	/** Code of the failure that it is in now. */
	readonly failing?: string | undefined;
	/** For how long it has owed a sign of life; 0 also while it waits for something that it knows to be away. */
	readonly silentMs?: number;
};
