/** A piece of the running daemon; disposing ends it and resolves when nothing of it runs any more. */
export type Service = AsyncDisposable & {
	readonly name: string;
	/** Ends it at once, whatever it is at: from here on it does, holds and says nothing. For one that may hang while it ends. */
	abandon?(): void;
};

/**
 * Services that stand on one another: started in order, ended in the reverse order. When one does not start, those before it
 * are ended and its failure is thrown.
 */
export class Services implements AsyncDisposable {
	readonly #running: Service[] = [];

	/** Starts one more; it may use those that were started before. */
	async start<S extends Service>(begin: () => S | Promise<S>): Promise<S> {
		try {
			const service = await begin();
			this.#running.push(service);
			return service;
		} catch (failure) {
			await this[Symbol.asyncDispose]();
			throw failure;
		}
	}

	/** Ends all; a service that fails to end does not keep the others from ending. @throws AggregateError of what failed */
	async [Symbol.asyncDispose](): Promise<void> {
		const failures: unknown[] = [];
		for (let service = this.#running.pop(); service; service = this.#running.pop()) {
			try {
				await service[Symbol.asyncDispose]();
			} catch (failure) {
				failures.push(failure);
			}
		}
		throwAll(failures);
	}
}

/** Services that do not stand on one another, as one: ended at the same time. */
export function together(name: string, services: readonly Service[]): Service {
	return {
		name,
		[Symbol.asyncDispose]: async () => {
			const ends = await Promise.allSettled(services.map((service) => service[Symbol.asyncDispose]()));
			throwAll(ends.flatMap((end) => (end.status === 'rejected' ? [end.reason] : [])));
		},
	};
}

function throwAll(failures: readonly unknown[]): void {
	if (failures.length > 0) throw new AggregateError(failures, 'some services did not end cleanly');
}
