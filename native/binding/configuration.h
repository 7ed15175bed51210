// StoreConfig from JavaScript into a Setup: every number checked.
#pragma once
#include "binding/arguments.h"

namespace deltallm {

/** Fills an empty setup; `arguments` carries the failure if there is one. */
void readConfiguration(Arguments *arguments, napi_value config, Setup *setup);

}  // namespace deltallm
