import type { Failure } from '../base/failure.js';
import type { Service } from '../base/service.js';
import type { Spec } from '../config/difference.js';

/** One thing that was tried: where the configuration speaks of it, and what was found. */
export type Finding = { readonly path: string; readonly message: string; readonly failure?: Failure };

/** A service that can be moved to. */
export type Movable = Spec & {
	/**
	 * Tries what it needs and those that run do not have yet, and leaves those alone. Failures of the world are findings.
	 * `isPrepared`: what preparing shows anyway is not tried before.
	 */
	probe(running: readonly Spec[], signal: AbortSignal, isPrepared?: boolean): Promise<readonly Finding[]>;
	/** How it is made ready beside what runs, so that it begins at once when its turn comes. */
	readonly prepare?: Preparation;
	/** `standing`: what runs at this moment, with what it stands on. */
	begin(standing: Running<Movable>): Service | Promise<Service>;
	/** Tells it those settings that it can be told while it runs. */
	retell(service: Service): void | Promise<void>;
	/** Resolves when it has shown that it does its work, or that it has understood what it was told. @throws Failure why it has not */
	healthy(service: Service, signal: AbortSignal, seen: Seen): Promise<void>;
};

export type Preparation = {
	/** Where the configuration speaks of what is shown. */
	readonly path: string;
	/** When the signal is aborted nothing is left over. @throws Failure */
	readonly attempt: (signal: AbortSignal) => Promise<Prepared>;
};

/** What waits beside what runs. Disposing ends it, unless it has begun. */
export type Prepared = AsyncDisposable &
	Pick<Movable, 'begin'> & {
		/** What was found, in words. */
		readonly message: string;
		/** @throws Failure it has not waited */
		assertWaiting(): void;
	};

/** What was done to a service that is watched, and the code of the failure that it was in before. */
export type Seen = { readonly how: 'started' | 'told'; readonly failingBefore: string | undefined };

/** What runs, by name, in the order in which it starts. */
export type Running<S extends Movable> = ReadonlyMap<string, { readonly spec: S; readonly service: Service }>;
