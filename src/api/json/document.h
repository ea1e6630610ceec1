#pragma once

#include <simdjson.h>

#include <array>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace amas::json {

/// A value of a document that is being read; it can be read once, before its next neighbour.
using Value = simdjson::ondemand::value;
/// An object that is being read.
using Object = simdjson::ondemand::object;
/// A list that is being read.
using Array = simdjson::ondemand::array;

/// Where a value stands, for messages: "instances[3].text". A chain on the stack that is rendered only for an
/// error.
class Place {
 public:
  /// A key of the document.
  explicit Place(std::string_view key) : key_(key) {}
  /// A key of the object at `parent`.
  Place(const Place& parent, std::string_view key) : parent_(&parent), key_(key) {}
  /// An element of the array at `parent`.
  Place(const Place& parent, std::size_t index) : parent_(&parent), index_(index), is_index_(true) {}
  /// The whole path.
  std::string text() const;

 private:
  const Place* parent_ = nullptr;
  std::string_view key_;
  std::size_t index_ = 0;
  bool is_index_ = false;
};

/// The body of a request: one JSON object, read from front to back without a tree in between. Reading is
/// strict but for the bare tokens NaN, Infinity and -Infinity, which TensorReader takes. Threads: one
/// document at a time on each thread, used on that thread only.
class Document {
 public:
  /// Begins to read. `body` is copied.
  ///
  /// Errors: kInvalidArgument when it is not an object in UTF-8.
  static Result<Document> open(std::string_view body);

  /// Calls visit(key, value), which returns a Status, for each key in order. May be called again to begin
  /// anew.
  ///
  /// A value that `visit` neither reads nor gives to skip() is passed over unchecked, at the speed of memory.
  /// Errors: those of `visit`; kInvalidArgument where the JSON is malformed or does not end with the object.
  template <class Visit>
  Status for_each_key(Visit visit) {
    Object object;
    document_.rewind();
    if (const auto error = document_.get_object().get(object)) return malformed(error, Place("request"));
    AMAS_CHECK(for_each_member(object, visit));
    // At the end of the text there is no location any more.
    if (document_.current_location().error() != simdjson::OUT_OF_BOUNDS)
      return malformed(simdjson::TRAILING_CONTENT, Place("request"));
    return {};
  }

  /// The same for an object inside of the document; once only: simdjson unescapes into a buffer that holds
  /// each string of the document once.
  template <class Visit>
  static Status for_each_member(Object& object, Visit visit) {
    for (auto field : object) {
      std::string_view key;
      Value value;
      if (const auto error = field.unescaped_key().get(key)) return malformed(error, Place("request"));
      if (const auto error = field.value().get(value)) return malformed(error, Place(key));
      AMAS_CHECK(visit(key, value));
    }
    return {};
  }

  /// The error for what simdjson found wrong at a place.
  static Error malformed(simdjson::error_code error, const Place& place);

 private:
  Document() = default;

  // A document of a thread's own parser, or of one made for it alone when the body is large: a parser keeps
  // five bytes of memory for each byte that it has ever read.
  std::unique_ptr<simdjson::ondemand::parser> own_parser_;
  std::unique_ptr<simdjson::padded_string> own_text_;
  simdjson::ondemand::document document_;
};

/// The first byte of a value, by which JSON tells its kind: '{', '[', '"', a digit, '-', 't', 'f', 'n' (or
/// 'N', 'I').
inline char first_byte(Value& value) { return *value.raw_json_token().data(); }

/// The text of a scalar as it stands in the document, with its quotes, without white space behind it.
std::string_view token_of(Value& value);

/// Reads a string.
///
/// Errors: kInvalidArgument naming the place when it is something else.
Result<std::string> read_string(Value value, const Place& place);
/// Reads true or false. Errors: as read_string.
Result<bool> read_bool(Value value, const Place& place);
/// Reads a whole number. Errors: as read_string.
Result<std::int64_t> read_integer(Value value, const Place& place);
/// Reads an object. Errors: as read_string.
Result<Object> read_object(Value value, const Place& place);
/// Reads a list. Errors: as read_string.
Result<Array> read_array(Value value, const Place& place);

/// The keys of one object that its reader knows: one that stands twice is refused, for readers differ in
/// which of the two counts.
class KeysSeen {
 public:
  /// Notes a key of the object at `place`.
  ///
  /// Errors: kInvalidArgument when it has been noted before.
  Status note(std::string_view key, const Place& place);

 private:
  // Keys lie unescaped in the parser until its reader begins anew.
  static constexpr std::size_t kFew = 4;
  std::array<std::string_view, kFew> few_;
  std::vector<std::string_view> more_;
  std::size_t count_ = 0;
};

/// Walks through a value that nobody wants, so that malformed JSON is noticed there too.
///
/// Errors: kInvalidArgument.
Status skip(Value value, const Place& place, std::size_t depth = 1);

}  // namespace amas::json
