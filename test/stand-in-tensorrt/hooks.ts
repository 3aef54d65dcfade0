import type { ResolveHook } from 'node:module';

/** What stands in for what, wherever it is imported but in the stand-ins themselves. */
const STAND_INS = {
	'/src/ort/session.js': new URL('./session.js', import.meta.url).href,
	'/src/ort/presence.js': new URL('./presence.js', import.meta.url).href,
};

export const resolve: ResolveHook = async (specifier, context, next) => {
	const found = await next(specifier, context);
	const ours = Object.values(STAND_INS);
	if (ours.includes(context.parentURL ?? '')) return found;
	const standIn = Object.entries(STAND_INS).find(([real]) => found.url.endsWith(real))?.[1];
	return standIn === undefined ? found : { ...found, url: standIn };
};
