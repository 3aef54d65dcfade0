/** A service as a configuration wants it: plain data, compared by value. */
export type Spec = {
	readonly kind: string;
	/** No other spec of a configuration has it. */
	readonly name: string;
	readonly settings: unknown;
	/** Kinds that it holds on to: it starts after them, stops before them, and moves when one of them does. */
	readonly on: readonly string[];
	/** Kinds that it only starts after and stops before. */
	readonly after: readonly string[];
	/** Settings that it is told while it runs, with all below them: keys joined by ".". */
	readonly live: readonly string[];
	/** What no two can have at a time: who wants it starts when the other has stopped. */
	readonly holds?: readonly string[];
};

/** What leads from what runs to what is wanted; each in the order in which it was given. */
export type Difference<S extends Spec> = {
	/** As they run. */
	readonly stop: readonly S[];
	/** As they are wanted; one that stops and starts stands in both. */
	readonly start: readonly S[];
	/** Only what can be told to them differs; as they are wanted. */
	readonly retell: readonly S[];
	readonly stay: readonly S[];
};

/** Specs that are equal in all but what can be told stay; what holds on to something that moves, moves along. */
export function difference<S extends Spec>(before: readonly S[], wanted: readonly S[]): Difference<S> {
	const all = [...before, ...wanted];
	const old = byName(before);
	const next = byName(wanted);
	const moving = new Set(
		all.map(({ name }) => name).filter((name) => isAnother(old.get(name), next.get(name))),
	);
	for (let known = -1; known < moving.size; ) {
		known = moving.size;
		const kinds = new Set(all.filter(({ name }) => moving.has(name)).map(({ kind }) => kind));
		for (const { name, on } of all) if (on.some((kind) => kinds.has(kind))) moving.add(name);
	}
	const staying = wanted.filter(({ name }) => !moving.has(name));
	const isSame = ({ name, settings }: S) => differing(old.get(name)?.settings, settings).length === 0;
	return {
		stop: before.filter(({ name }) => moving.has(name)),
		start: wanted.filter(({ name }) => moving.has(name)),
		retell: staying.filter((spec) => !isSame(spec)),
		stay: staying.filter(isSame),
	};
}

/** Where two values of plain data differ: keys joined by ".", as deep as both go; "" for themselves. A key that is undefined is none. */
export function differing(before: unknown, after: unknown, path = ''): readonly string[] {
	if (Object.is(before, after)) return [];
	if (!isMap(before) || !isMap(after) || Array.isArray(before) !== Array.isArray(after)) return [path];
	const keys = new Set([...Object.keys(before), ...Object.keys(after)]);
	return [...keys].flatMap((key) =>
		differing(own(before, key), own(after, key), path === '' ? key : `${path}.${key}`),
	);
}

/** Whether all that differs is live. */
export function canBeTold(before: unknown, after: unknown, live: readonly string[]): boolean {
	const isLive = (path: string) => live.some((key) => path === key || path.startsWith(`${key}.`));
	return differing(before, after).every(isLive);
}

function byName<S extends Spec>(specs: readonly S[]): ReadonlyMap<string, S> {
	return new Map(specs.map((spec) => [spec.name, spec]));
}

/** Whether one cannot become the other while it runs. */
function isAnother(before: Spec | undefined, after: Spec | undefined): boolean {
	if (!before || !after || before.kind !== after.kind) return true;
	return !canBeTold(before.settings, after.settings, after.live);
}

function isMap(value: unknown): value is Readonly<Record<string, unknown>> {
	return typeof value === 'object' && value !== null;
}

/** What stands in a value of plain data at the end of these keys; undefined where nothing does. */
export function valueAt(whole: unknown, keys: readonly string[]): unknown {
	return keys.reduce<unknown>((value, key) => (isMap(value) ? own(value, key) : undefined), whole);
}

/** Not what an object inherits: a key may be `constructor`. */
export function own(map: Readonly<Record<string, unknown>>, key: string): unknown {
	return Object.hasOwn(map, key) ? map[key] : undefined;
}
