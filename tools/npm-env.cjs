// Preloaded (.npmrc node-options) into every Node process npm starts for lifecycle scripts, so that a plain
// `npm ci` builds the OpenCV binding against the system's OpenCV, without the network and with all cores.
'use strict';
const { existsSync } = require('node:fs');
const path = require('node:path');
const env = process.env;
// Otherwise the binding clones and builds an OpenCV of its own.
env.OPENCV4NODEJS_DISABLE_AUTOBUILD ??= '1';
// A header folder that compiles the four modules we use instead of all: a tenth of the work.
env.OPENCV_INCLUDE_DIR ??= path.join(__dirname, 'opencv-lite');
// The binding hands calls on to OpenCV: optimised further it runs as fast and compiles for longer.
env.CXXFLAGS ??= '-O1';
env.LDFLAGS ??= '-Wl,--as-needed';
env.JOBS ??= 'max';
// Its install script would download CUDA libraries; the CPU binary is in the package.
env.ONNXRUNTIME_NODE_INSTALL ??= 'skip';
// node-gyp otherwise fetches Node's headers from the internet, or takes those of another Node that an .npmrc names.
const prefix = path.resolve(process.execPath, '..', '..');
if (existsSync(path.join(prefix, 'include/node/node_version.h'))) env.npm_config_nodedir = prefix;
