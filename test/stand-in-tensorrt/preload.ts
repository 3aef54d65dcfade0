import { register } from 'node:module';

// A STAND-IN for TensorRT, which is not here: see session.ts. Loaded before the program by NODE_OPTIONS=--import.
register(new URL('./hooks.js', import.meta.url));
