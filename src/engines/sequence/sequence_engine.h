#pragma once

#include <memory>
#include <string_view>

#include "engine/engine.h"
#include "engines/sequence/net.h"

namespace amas::engines {

/// Runs text nets (sequence::Net) with kernels compiled for them, several times faster than a general engine;
/// load() gives kUnimplemented for every other graph. LoadOptions::precision: "float32", "int16" (the
/// default), "int8"; answers do not depend on the batch, and those of float32 and int16 are the same bits on
/// every processor. Where the processor lacks instructions for int8, int16 runs in its place, and
/// runs_as() says so.
std::unique_ptr<engine::Engine> make_sequence_engine();

/// Which kernels run: the quickest of "avx512-vnni", "avx2" and "portable" that the processor has, or those
/// of $AMAS_KERNELS, if it has them.
std::string_view sequence_kernels();

}  // namespace amas::engines
