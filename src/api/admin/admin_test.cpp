#include "api/admin/admin.h"

#include <gtest/gtest.h>

#include "api/http/test_router.h"
#include "base/json.h"
#include "serve/fake_service.h"

namespace amas::admin {
namespace {

class Admin : public testing::Test {
 protected:
  Admin() { add_routes(test_.router, fake_.service, watch_); }

  http::Response call(std::string_view method, std::string_view path) { return test_.call(method, path); }

  serve::FakeService fake_;
  monitor::Watch watch_{{}, fake_.metrics};
  http::TestRouter test_;
};

TEST_F(Admin, shows_the_state_of_each_version_and_why_it_failed) {
  fake_.service.set_deployments(
      {{"bad", {{1, fake_.folder.path() / "nothing", "fp32"}}, {"default"}},
       {"spam",
        {{3, serve::write_package(fake_.folder.path() / "good", "tokens:1"), "fp32"}},
        {"default"},
        7}});
  fake_.service.wait_until_settled();
  const Json all = Json::parse(call("GET", "/api/v1/deployments").body)["deployments"];
  ASSERT_EQ(all.size(), 2u);
  EXPECT_EQ(all[0]["versions"][0]["state"], "failed");
  EXPECT_EQ(all[0]["versions"][0]["error"]["code"], "NOT_FOUND");
  EXPECT_EQ(all[0]["wanted"], all[0]["versions"]);
  EXPECT_EQ(all[1], Json::parse(R"({"name":"spam","default_version":3,"generation":7,)"
                                R"("versions":[{"version":3,"variant":"fp32","state":"available"}],)"
                                R"("wanted":[{"version":3,"variant":"fp32","state":"available"}]})"));
}

TEST_F(Admin, shows_what_the_watch_reports) {
  const Json none = Json::parse(call("GET", "/api/v1/monitor").body);
  EXPECT_EQ(none, Json::parse(R"({"reports":[]})"));
  watch_.add("spam", 1, model::Profile(), {"ham", "spam"});
  watch_.on_request("spam", 1, Code::kUnknown, true, 1'000);
  const Json reports = Json::parse(call("GET", "/api/v1/monitor").body)["reports"];
  ASSERT_EQ(reports.size(), 1u);
  EXPECT_EQ(reports[0]["deployment"], "spam");
  EXPECT_EQ(reports[0]["requests"], 1);
}

TEST_F(Admin, knows_its_version_and_refuses_what_it_does_not_know) {
  EXPECT_EQ(Json::parse(call("GET", "/api/v1/version").body)["version"], AMAS_VERSION);
  EXPECT_EQ(call("GET", "/api/v1/nope").status, 404);
  const http::Response refused = call("PATCH", "/api/v1/monitor");
  EXPECT_EQ(refused.status, 405);
  EXPECT_EQ(refused.headers, (http::Headers{{"Allow", "GET, HEAD"}}));
}

}  // namespace
}  // namespace amas::admin
