'use strict';

const { camelCase } = require('./names.js');

/** What chaku throws. Its subclasses are one for each code. */
class ChakuError extends Error {
  static code = 'UNKNOWN';

  constructor(message, { reason = '', details = {}, reply, cause } = {}) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = this.constructor.code;
    this.reason = reason;
    this.details = details;
    if (reply !== undefined) this.reply = reply;
  }

  get name() {
    return this.constructor.name;
  }
}

class CancelledError extends ChakuError {
  static code = 'CANCELLED';
}
class UnknownError extends ChakuError {
  static code = 'UNKNOWN';
}
class InvalidArgumentError extends ChakuError {
  static code = 'INVALID_ARGUMENT';
}
class DeadlineExceededError extends ChakuError {
  static code = 'DEADLINE_EXCEEDED';
}
class NotFoundError extends ChakuError {
  static code = 'NOT_FOUND';
}
class AlreadyExistsError extends ChakuError {
  static code = 'ALREADY_EXISTS';
}
class PermissionDeniedError extends ChakuError {
  static code = 'PERMISSION_DENIED';
}
class ResourceExhaustedError extends ChakuError {
  static code = 'RESOURCE_EXHAUSTED';
}
class FailedPreconditionError extends ChakuError {
  static code = 'FAILED_PRECONDITION';
}
class AbortedError extends ChakuError {
  static code = 'ABORTED';
}
class OutOfRangeError extends ChakuError {
  static code = 'OUT_OF_RANGE';
}
class UnimplementedError extends ChakuError {
  static code = 'UNIMPLEMENTED';
}
class InternalError extends ChakuError {
  static code = 'INTERNAL';
}
class UnavailableError extends ChakuError {
  static code = 'UNAVAILABLE';
}
class DataLossError extends ChakuError {
  static code = 'DATA_LOSS';
}
class UnauthenticatedError extends ChakuError {
  static code = 'UNAUTHENTICATED';
}

const classes = {
  CancelledError,
  UnknownError,
  InvalidArgumentError,
  DeadlineExceededError,
  NotFoundError,
  AlreadyExistsError,
  PermissionDeniedError,
  ResourceExhaustedError,
  FailedPreconditionError,
  AbortedError,
  OutOfRangeError,
  UnimplementedError,
  InternalError,
  UnavailableError,
  DataLossError,
  UnauthenticatedError,
};
const classOf = new Map(Object.values(classes).map((one) => [one.code, one]));

/** The error of a failure, with what there is of the reply. */
function errorOf(failure, reply) {
  const { code, reason } = failure;
  // Which C function was called means nothing here.
  const { function: _, ...details } = Object.fromEntries(failure.details);
  let { message } = failure;
  if (reason === 'invalid_option' && details.key !== undefined) {
    // An option is called here what it is called in JavaScript.
    const key = camelCase(details.key);
    message = message.replaceAll(`\`${details.key}\``, `\`${key}\``);
    details.key = key;
  }
  const Class = classOf.get(code) ?? UnknownError;
  return new Class(message, { reason, details, reply });
}

/** Whether a native call failed. */
const isFailure = (outcome) => typeof outcome === 'object' && outcome !== null && 'reason' in outcome;

/** The value of a native call; throws when it is a failure. */
function unwrap(outcome) {
  if (isFailure(outcome)) throw errorOf(outcome);
  return outcome;
}

module.exports = { errors: { ChakuError, ...classes }, errorOf, isFailure, unwrap };
