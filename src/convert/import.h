#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "convert/onnx_file.h"
#include "convert/proof.h"
#include "engine/engine_set.h"
#include "model/package.h"
#include "store/store.h"

namespace amas::convert {

/// What is to be imported, and as what.
struct ImportOptions {
  std::filesystem::path path{};       ///< a file or folder
  std::string name{};                 ///< of the model
  std::vector<std::string> labels{};  ///< of the classes; empty: those that the file says, if it does
  ReadRows read_rows{};               ///< rows to judge by; may be empty
};

/// A model after its import.
struct Imported {
  store::ModelVersion version{};
  model::Manifest manifest{};
  std::vector<store::Measurement> measured{};  ///< of each variant that could be tried
  std::string origin{};                        ///< "onnx", "xgboost", …
  bool was_there = false;                      ///< the same was imported before; it keeps its version
  std::vector<std::string> notes{};            ///< what the user should know, a sentence each
};

/// A name for what lies at a path: the file's (or folder's) without its ending, with '-' for what a name may
/// not hold.
std::string name_for(const std::filesystem::path& path);

/// Reads a model of whatever format it is found to have.
///
/// Errors: kUnimplemented for a format that amas does not read, with what to do; those of its reader.
Result<Graph> read_model(const std::filesystem::path& path);

/// Imports a model: reads it, proves it on the engines, packs it, registers it as a version of the model
/// and measures its variants. The same file with the same options gives the same package, and no new version.
///
/// Errors: those of read_model() and prove(); kInvalidArgument when the labels do not fit any output; those
///         of the store. Nothing is registered then.
Result<Imported> import_model(const ImportOptions& options, store::Store& store, engine::EngineSet& engines);

}  // namespace amas::convert
