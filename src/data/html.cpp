#include <libxml/HTMLparser.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "base/limits.h"
#include "base/text.h"
#include "data/charset.h"
#include "data/mail.h"
#include "data/white_space.h"

namespace amas::data {
namespace {

// Elements that stand on lines or in cells of their own, sorted. All others, unknown ones too, may stand
// inside a word.
constexpr std::array<std::string_view, 63> kBlocks{
    "address",  "applet",   "article",    "aside",    "blockquote", "body",  "br",      "button",   "canvas",
    "caption",  "center",   "col",        "colgroup", "dd",         "dir",   "div",     "dl",       "dt",
    "embed",    "fieldset", "figcaption", "figure",   "footer",     "form",  "frame",   "frameset", "h1",
    "h2",       "h3",       "h4",         "h5",       "h6",         "head",  "header",  "hr",       "html",
    "iframe",   "img",      "input",      "isindex",  "legend",     "li",    "main",    "menu",     "nav",
    "noframes", "object",   "ol",         "option",   "p",          "pre",   "section", "select",   "table",
    "tbody",    "td",       "textarea",   "tfoot",    "th",         "thead", "title",   "tr",       "ul"};
static_assert(std::is_sorted(kBlocks.begin(), kBlocks.end()));

// The length of the comment or declaration at the start of `html` ("<!…", "<?…", "</" before what is no
// name); 0 when something else stands there. A comment that is never closed ends with its first ">": one
// forgotten "-->" would hide all that follows.
std::size_t declaration_length(std::string_view html) {
  if (html.size() < 3 || html[0] != '<') return 0;
  const bool no_name = html[1] == '/' && std::isalpha(static_cast<unsigned char>(html[2])) == 0;
  if (html[1] != '!' && html[1] != '?' && !no_name) return 0;
  if (html.starts_with("<!--"))
    if (const auto end = html.find("-->", 4); end != std::string_view::npos) return end + 3;
  const auto end = html.find('>');
  return end == std::string_view::npos ? 2 : end + 1;
}

// The length of the entity at the start of `html` ("&") when it is one that may lack its semicolon, and does;
// else 0.
std::size_t open_entity_length(std::string_view html) {
  constexpr std::size_t kLongest = 7;  // &frac12, &Ccedil; …
  std::size_t end = 1;
  while (end < html.size() && end <= kLongest && std::isalnum(static_cast<unsigned char>(html[end])) != 0)
    ++end;
  if (end < html.size() && html[end] == ';') return 0;
  for (; end > 2; --end) {
    const std::string name(html.substr(1, end - 1));
    const htmlEntityDesc* entity = htmlEntityLookup(reinterpret_cast<const xmlChar*>(name.c_str()));
    // HTML allows this for the entities of Latin-1 and for &amp &lt &gt &quot only.
    if (entity != nullptr && entity->value < 0x100) return end;
  }
  return 0;
}

// What libxml2 reads otherwise than a browser is put right first: it shows declarations such as <![if …]>,
// keeps entities without a semicolon as they stand, and stops at control characters.
std::string prepared(std::string_view html) {
  std::string out;
  out.reserve(html.size() + 64);
  for (std::size_t i = 0; i < html.size(); ++i) {
    const char c = html[i];
    const std::string_view rest = html.substr(i);
    if (const std::size_t declaration = declaration_length(rest); declaration > 0) {
      i += declaration - 1;
    } else if (const std::size_t entity = c == '&' ? open_entity_length(rest) : 0; entity > 0) {
      out.append(rest.substr(0, entity)).push_back(';');
      i += entity - 1;
    } else {
      out += static_cast<unsigned char>(c) < 0x20 || c == 0x7F ? ' ' : c;
    }
  }
  return out;
}

/// One run of libxml2 over a document, up to its end or to the depth where its search for what an end tag
/// closes would grow quadratic.
class Pass {
 public:
  Pass(std::string_view html, std::string& out)
      : context_(htmlCreateMemoryParserCtxt(html.data(), static_cast<int>(html.size())), &htmlFreeParserCtxt),
        html_(html),
        out_(out) {}

  /// Appends the text; returns what is left to read.
  std::string_view run() {
    if (!context_) return {};
    htmlCtxtUseOptions(context_.get(), HTML_PARSE_RECOVER | HTML_PARSE_NOERROR | HTML_PARSE_NOWARNING |
                                           HTML_PARSE_NONET | HTML_PARSE_IGNORE_ENC | HTML_PARSE_NOIMPLIED |
                                           HTML_PARSE_NODEFDTD);
    context_->charset = XML_CHAR_ENCODING_UTF8;
    xmlSAXHandler handler{};
    handler.startElement = [](void* pass, const xmlChar* name, const xmlChar**) {
      static_cast<Pass*>(pass)->start(name);
    };
    handler.endElement = [](void* pass, const xmlChar* name) { static_cast<Pass*>(pass)->separate(name); };
    handler.characters = handler.ignorableWhitespace = [](void* pass, const xmlChar* text, int length) {
      static_cast<Pass*>(pass)->out_.append(reinterpret_cast<const char*>(text),
                                            static_cast<std::size_t>(length));
    };
    // The content of script and style comes here.
    handler.cdataBlock = [](void*, const xmlChar*, int) {};
    *context_->sax = handler;
    context_->userData = this;
    htmlParseDocument(context_.get());
    return html_.substr(std::min(read_, html_.size()));
  }

 private:
  void start(const xmlChar* name) {
    separate(name);
    if (context_->nameNr < kDepthMax) return;
    // Here the parser stands before the tag's ">".
    const auto at = static_cast<std::size_t>(std::max(xmlByteConsumed(context_.get()), 0L));
    read_ = std::min(html_.find('>', at), html_.size() - 1) + 1;
    xmlStopParser(context_.get());
  }

  void separate(const xmlChar* name) {
    const std::string_view element(reinterpret_cast<const char*>(name));
    if (std::binary_search(kBlocks.begin(), kBlocks.end(), element)) out_ += '\n';
  }

  static constexpr int kDepthMax = 512;  // as browsers have it

  std::unique_ptr<htmlParserCtxt, decltype(&htmlFreeParserCtxt)> context_;
  std::string_view html_;
  std::string& out_;
  std::size_t read_ = std::string_view::npos;
};

}  // namespace

std::string html_to_text(std::string_view html) {
  static std::once_flag initialised;
  std::call_once(initialised, xmlInitParser);
  const std::string input = prepared(to_valid_utf8(cut_utf8(html, limits::kTextBytesMax)));
  std::string text;
  text.reserve(input.size());
  for (std::string_view rest = input; !rest.empty();) rest = Pass(rest, text).run();
  return collapsed(c1_to_windows1252(to_valid_utf8(text)));
}

}  // namespace amas::data
