#pragma once

#include <cstddef>
#include <cstdint>

/// Every limit on what comes from outside, in one place. Each is tested where it is enforced.
namespace amas::limits {

inline constexpr std::size_t kJsonDepthMax = 64;              ///< nesting of any JSON document
inline constexpr std::size_t kDocumentBytesMax = 256u << 20;  ///< a JSON document of ours (pipeline.json, …)
inline constexpr std::size_t kRequestBodyBytesMax = 64u
                                                    << 20;  ///< an HTTP request's body, after decompression
inline constexpr std::size_t kRequestHeaderBytesMax = 16u << 10;  ///< an HTTP request's header
inline constexpr std::size_t kRequestRowsMax = 65'536;            ///< instances in one request
inline constexpr std::size_t kConnectionsMax = 4'096;             ///< open connections of one server
inline constexpr std::size_t kCallsPerConnectionMax = 1'024;      ///< gRPC calls of one connection at once
inline constexpr std::size_t kMessagesPerStreamMax = 64;     ///< messages of one gRPC stream in work at once
inline constexpr std::size_t kModelNameBytesMax = 128;       ///< a model's or deployment's name
inline constexpr std::size_t kMailBytesMax = 32u << 20;      ///< one raw mail
inline constexpr std::size_t kMailPartsMax = 1'000;          ///< MIME parts of one mail
inline constexpr std::size_t kMailDepthMax = 32;             ///< nesting of MIME parts
inline constexpr std::size_t kTextBytesMax = 4u << 20;       ///< one text cell, in training and in a request
inline constexpr std::size_t kTableRowsMax = 200'000'000;    ///< rows of an imported table
inline constexpr std::size_t kTableColumnsMax = 10'000;      ///< columns of an imported table
inline constexpr std::size_t kBatchBytesMax = 64u << 20;     ///< prepared rows that one run of a graph takes
inline constexpr std::size_t kClassesMax = 1'000;            ///< classes of a target
inline constexpr std::size_t kVocabularyMax = 10'000'000;    ///< entries of a fitted vocabulary
inline constexpr std::size_t kOnnxBytesMax = 2'000'000'000;  ///< an ONNX file (protobuf ends at 2 GiB)
inline constexpr std::int64_t kOnnxOpsetMax = 21;            ///< of the default domain, in imported graphs
inline constexpr std::size_t kArchiveEntriesMax = 100'000;   ///< members of a zip file
inline constexpr std::size_t kArchiveDirectoryBytesMax = 64u << 20;  ///< of a zip file
inline constexpr std::size_t kForestFeaturesMax = 1'000'000;  ///< columns that an imported forest may ask for
inline constexpr std::size_t kForestTargetsMax = 100'000;     ///< classes or targets of an imported forest
inline constexpr std::size_t kForestCategoriesMax = 10'000'000;  ///< members of all its sets of categories
inline constexpr std::size_t kSpecBytesMax = 1u << 20;           ///< a spec file
inline constexpr std::size_t kEventRecordBytesMax = 256u << 20;  ///< one record of a TensorBoard event file
inline constexpr std::size_t kWorkerLineBytesMax = 1u << 20;     ///< one line that a worker prints

}  // namespace amas::limits
