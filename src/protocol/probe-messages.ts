import type { FailureCode } from '../base/failure.js';
import type { Provider } from '../base/provider.js';
import type { CameraConfig, RecipeConfig } from '../config/schema.js';

/** What a probing process is to try. */
export type ProbeDown =
	| {
			readonly kind: 'bundle';
			readonly recipe: RecipeConfig;
			/** Where engines of TensorRT are kept. */
			readonly engineFolder: string;
	  }
	| { readonly kind: 'camera'; readonly camera: CameraConfig }
	| LibraryAsked;

/** A library that a box needs. */
export type LibraryAsked =
	| { readonly kind: 'opencv' | 'sqlite' | 'systemd' }
	| { readonly kind: 'provider'; readonly provider: Provider };

/** What it says: remarks, and one last word. */
export type ProbeUp =
	| { readonly kind: 'note'; readonly line: string }
	| { readonly kind: 'works'; readonly message: string }
	| {
			readonly kind: 'failed';
			readonly code: FailureCode;
			readonly message: string;
			readonly advice?: string;
	  };
