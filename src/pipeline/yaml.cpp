#include "pipeline/yaml.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/parser.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>
#include <sstream>

#include "base/limits.h"
#include "base/text.h"

namespace amas::pipeline {
namespace {

/// Something that YAML allows and a spec does not.
struct Refusal {
  YAML::Mark mark;
  std::string message;
};

// Whether it is what YAML calls a number that is infinite or none, or more than a double holds.
bool is_no_finite_number(std::string_view text) {
  const std::string_view bare = text.substr(text.starts_with('-') || text.starts_with('+') ? 1 : 0);
  for (const std::string_view word : {".inf", ".Inf", ".INF", ".nan", ".NaN", ".NAN"})
    if (bare == word) return true;
  double number = 0;
  const auto got = std::from_chars(bare.data(), bare.data() + bare.size(), number);
  return got.ec == std::errc::result_out_of_range && got.ptr == bare.data() + bare.size();
}

Json plain_scalar(const std::string& text) {
  if (text.empty() || text == "~" || text == "null" || text == "Null" || text == "NULL") return nullptr;
  for (const std::string_view yes : {"true", "True", "TRUE", "on", "On", "yes", "Yes"})
    if (text == yes) return true;
  for (const std::string_view no : {"false", "False", "FALSE", "off", "Off", "no", "No"})
    if (text == no) return false;
  std::int64_t whole = 0;
  const char* const end = text.data() + text.size();
  const char* const begin = text.data() + (text[0] == '+' ? 1 : 0);
  if (const auto got = std::from_chars(begin, end, whole); got.ec == std::errc() && got.ptr == end)
    return whole;
  double number = 0;
  if (const auto got = std::from_chars(begin, end, number);
      got.ec == std::errc() && got.ptr == end && std::isfinite(number))
    return number;
  return text;
}

// Builds JSON from yaml-cpp's events, so that aliases never expand and depth is limited while parsing.
class Builder final : public YAML::EventHandler {
 public:
  explicit Builder(YamlDocument& document) : document_(document) {}

  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    refuse_anchor(mark, anchor);
    put(mark, nullptr);
  }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override {
    throw Refusal{mark, "aliases (*name) are not allowed; write the value out"};
  }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    refuse_anchor(mark, anchor);
    if (!stack_.empty() && stack_.back().node->is_object() && !stack_.back().key) {
      if (stack_.back().node->contains(value)) refuse_second(mark, value);
      stack_.back().key = value;
      return;
    }
    const std::string path = put(mark, tag == "!" ? Json(value) : plain_scalar(value));
    if (tag != "!" && is_no_finite_number(value))
      throw Refusal{mark,
                    fmt::format("{} must be a finite number: {}; quote it if it is a text", path, value)};
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    refuse_anchor(mark, anchor);
    open(mark, Json::array());
  }
  void OnSequenceEnd() override { stack_.pop_back(); }
  void OnMapStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    refuse_anchor(mark, anchor);
    open(mark, Json::object());
  }
  void OnMapEnd() override { stack_.pop_back(); }

 private:
  struct Level {
    Json* node;
    std::string path;
    std::optional<std::string> key{};
  };

  static void refuse_anchor(const YAML::Mark& mark, YAML::anchor_t anchor) {
    if (anchor != 0) throw Refusal{mark, "anchors (&name) are not allowed; write the value out"};
  }

  void refuse_second(const YAML::Mark& mark, const std::string& key) const {
    const Level& level = stack_.back();
    const std::string path = level.path.empty() ? key : level.path + "." + key;
    const auto first = document_.lines.find(path);
    throw Refusal{mark, fmt::format("the key stands twice: {} (first on line {}); keep one", path,
                                    first == document_.lines.end() ? 0 : first->second)};
  }

  void open(const YAML::Mark& mark, Json empty) {
    if (stack_.size() >= limits::kJsonDepthMax)
      throw Refusal{mark, fmt::format("nests too deep; at most {} levels", limits::kJsonDepthMax)};
    Json* node = nullptr;
    std::string path = put(mark, std::move(empty), &node);
    stack_.push_back({node, std::move(path)});
  }

  // Returns the path at which the value stands now.
  std::string put(const YAML::Mark& mark, Json value, Json** node_out = nullptr) {
    Json* node = &document_.value;
    std::string path;
    if (!stack_.empty()) {
      Level& level = stack_.back();
      if (level.node->is_array()) {
        path = fmt::format("{}[{}]", level.path, level.node->size());
        node = &level.node->emplace_back();
      } else {
        if (!level.key) throw Refusal{mark, "keys must be plain words"};
        path = level.path.empty() ? *level.key : level.path + "." + *level.key;
        node = &(*level.node)[*level.key];
        level.key.reset();
      }
    }
    *node = std::move(value);
    document_.lines[path] = mark.line + 1;
    if (node_out != nullptr) *node_out = node;
    return path;
  }

  YamlDocument& document_;
  std::vector<Level> stack_;
};

Result<double> parse_duration(const Json& value) {
  if (value.is_number()) return value.get<double>();
  if (value.is_string()) {
    const std::string text = value.get<std::string>();
    double number = 0;
    const auto got = std::from_chars(text.data(), text.data() + text.size(), number);
    const std::string_view unit(got.ptr, static_cast<std::size_t>(text.data() + text.size() - got.ptr));
    for (const auto& [name, seconds] : std::initializer_list<std::pair<std::string_view, double>>{
             {"ms", 0.001}, {"s", 1}, {"m", 60}, {"h", 3600}, {"d", 86400}})
      if (got.ec == std::errc() && unit == name && std::isfinite(number)) return number * seconds;
  }
  return invalid_argument("must be a duration such as 30s, 10m or 2h");
}

bool is_list_of(const Json& value, bool (Json::*is_kind)() const noexcept) {
  if (!value.is_array()) return false;
  for (const Json& element : value)
    if (!(element.*is_kind)()) return false;
  return true;
}

// The checked value of one key, or what it must be.
Result<Json> checked_value(const Json& value, const Key& key) {
  using Kind = Key::Kind;
  Json checked = value;
  const auto must = [&](bool right, std::string_view what) -> Status {
    return right ? Status{} : Status(invalid_argument(fmt::format("must be {}", what)));
  };
  switch (key.kind) {
    case Kind::kBool:
      AMAS_CHECK(must(value.is_boolean(), "true or false"));
      break;
    case Kind::kInteger:
      AMAS_CHECK(must(value.is_number_integer(), "a whole number"));
      break;
    case Kind::kNumber:
      AMAS_CHECK(must(value.is_number(), "a number"));
      break;
    case Kind::kString:
      if (value.is_number()) checked = value.dump();
      AMAS_CHECK(must(checked.is_string(), "a text"));
      break;
    case Kind::kStrings:
      if (value.is_string()) checked = Json::array({value});
      AMAS_CHECK(must(is_list_of(checked, &Json::is_string), "a list of texts"));
      break;
    case Kind::kMap:
      AMAS_CHECK(must(value.is_object(), "a map of keys and values"));
      break;
    case Kind::kMaps:
      AMAS_CHECK(must(is_list_of(value, &Json::is_object), "a list of maps"));
      break;
    case Kind::kDuration: {
      AMAS_TRY(checked, parse_duration(value));
      break;
    }
    case Kind::kAny:
      break;
  }
  if (checked.is_number() && key.low < key.high) {
    const double number = checked.get<double>();
    AMAS_CHECK(
        must(number >= key.low && number <= key.high, fmt::format("from {} to {}", key.low, key.high)));
  }
  if (checked.is_string() && !key.one_of.empty())
    AMAS_CHECK(must(std::ranges::count(key.one_of, checked.get<std::string>()) > 0,
                    fmt::format("one of {}", fmt::join(key.one_of, ", "))));
  return checked;
}

}  // namespace

std::string YamlDocument::place(const std::string& path) const {
  for (std::string at = path; !at.empty();) {
    if (const auto found = lines.find(at); found != lines.end())
      return fmt::format("line {}: ", found->second);
    const auto cut = at.find_last_of(".[");
    at = cut == std::string::npos ? "" : at.substr(0, cut);
  }
  return "";
}

Result<YamlDocument> parse_yaml(std::string_view text) {
  if (text.size() > limits::kSpecBytesMax)
    return failed_precondition(
        fmt::format("spec is larger than allowed: {} > {} bytes; is it the right file?", text.size(),
                    limits::kSpecBytesMax));
  if (!is_utf8(text)) return invalid_argument("spec is not UTF-8; save it as UTF-8");
  YamlDocument document;
  try {
    std::istringstream stream{std::string(text)};
    YAML::Parser parser(stream);
    Builder builder(document);
    if (!parser.HandleNextDocument(builder))
      return invalid_argument("the spec is empty; give it a name and data.source at least");
    // A second document would be left out in silence.
    YamlDocument second;
    Builder second_builder(second);
    if (parser.HandleNextDocument(second_builder))
      return invalid_argument(
          fmt::format("{}a second document begins (---); a spec is one document",
                      second.lines.empty() ? "" : second.place(second.lines.begin()->first)));
  } catch (const Refusal& refusal) {
    return invalid_argument(fmt::format("line {}: {}", refusal.mark.line + 1, refusal.message));
  } catch (const YAML::Exception& error) {
    return invalid_argument(fmt::format("line {}: not valid YAML: {}", error.mark.line + 1, error.msg));
  }
  if (!document.value.is_object())
    return invalid_argument("spec must be a map of keys and values, such as `name: spam`");
  return document;
}

Result<Json> check_section(const YamlDocument& document, const Json& section, const std::string& path,
                           const std::vector<Key>& keys) {
  const auto path_of = [&](std::string_view key) {
    return path.empty() ? std::string(key) : fmt::format("{}.{}", path, key);
  };
  const auto wrong = [&](const std::string& at, const std::string& message) {
    return invalid_argument(fmt::format("{}{} {}", document.place(at), at, message));
  };
  if (!section.is_null() && !section.is_object()) return wrong(path, "must be a map of keys and values");
  std::vector<std::string> names;
  for (const Key& key : keys) names.emplace_back(key.name);
  if (section.is_object()) {
    for (const auto& [name, value] : section.items())
      if (std::ranges::count(names, name) == 0) {
        const auto near = nearest(name, names);
        return wrong(path_of(name), fmt::format("is not a known key{}; known: {}",
                                                near ? fmt::format("; did you mean \"{}\"?", *near) : "",
                                                fmt::join(names, ", ")));
      }
  }
  Json checked = Json::object();
  for (const Key& key : keys) {
    const std::string at = path_of(key.name);
    const bool given = section.is_object() && section.contains(key.name) &&
                       (!section[key.name].is_null() || key.kind == Key::Kind::kAny);
    if (!given && key.required) return wrong(at, "is missing; it is needed");
    if (!given) {
      checked[key.name] = key.fallback;
      continue;
    }
    auto value = checked_value(section[key.name], key);
    if (!value) return wrong(at, value.error().message + ": " + dump_json(section[key.name]));
    checked[key.name] = std::move(*value);
  }
  return checked;
}

}  // namespace amas::pipeline
