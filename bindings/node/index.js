'use strict';

const { errors } = require('./lib/errors.js');
const { loadModel } = require('./lib/model.js');
const native = require('./lib/native.js');
const { table } = require('./lib/options.js');
const { Runtime } = require('./lib/runtime.js');

module.exports = {
  loadModel,
  Runtime,
  ...errors,
  version: native.version(),
  buildInfo: native.buildInfo,
  backends: native.backends,
  devices: native.devices,
  optionTable: () => structuredClone(table),
};
