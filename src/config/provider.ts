import type { Provider } from '../base/provider.js';
import type { RecipeConfig } from './schema.js';

/** What a recipe wants to compute it: the best there is, nothing but this one, or this one where it can be used. */
export type ProviderWish =
	| { readonly how: 'auto' }
	| { readonly how: 'require' | 'prefer'; readonly provider: Provider };

/** What computes where nothing is named, the first that can be used; webgpu is a makeshift, and only by name. */
const BY_DEFAULT = ['tensorrt', 'cuda', 'cpu'] as const satisfies readonly Provider[];

/** What computes in place of one that is preferred. */
const IN_PLACE = ['cuda', 'cpu'] as const satisfies readonly Provider[];

/** A plain name requires. */
export function wishOf(setting: RecipeConfig['provider']): ProviderWish {
	if (setting === 'auto') return { how: 'auto' };
	if (typeof setting === 'string') return { how: 'require', provider: setting };
	const { require, prefer } = setting;
	if (require !== undefined) return { how: 'require', provider: require };
	return prefer === undefined ? { how: 'auto' } : { how: 'prefer', provider: prefer };
}

/** What may compute, in the order in which it is tried. */
export function candidatesOf(wish: ProviderWish): readonly Provider[] {
	if (wish.how === 'auto') return BY_DEFAULT;
	if (wish.how === 'require' || wish.provider === 'cpu') return [wish.provider];
	return [...new Set([wish.provider, ...IN_PLACE])];
}
