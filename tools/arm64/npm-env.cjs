// Preloaded like tools/npm-env.cjs, after it, where the OpenCV binding is compiled for arm64: against that machine's Node.
'use strict';
require('../npm-env.cjs');
const { env } = process;
if (env.INSPECTORD_TARGET_NODE) env.npm_config_nodedir = env.INSPECTORD_TARGET_NODE;
