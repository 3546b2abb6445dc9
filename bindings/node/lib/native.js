'use strict';

/** The native half: handles and calls that never wait. See src/. */
function load() {
  try {
    return require('../chaku_node.node');
  } catch (cause) {
    throw new Error(`chaku: cannot load the native library on ${process.platform} ${process.arch}`, { cause });
  }
}

module.exports = load();
