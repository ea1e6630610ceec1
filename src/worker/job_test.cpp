#include "worker/job.h"

#include <gtest/gtest.h>

namespace amas::worker {
namespace {

Json complete() {
  return {{"kind", "train"},
          {"dataset", "d.jsonl"},
          {"text", "body"},
          {"target", "label"},
          {"text_step", {{"type", "tokens"}}},
          {"candidate", {{"type", "lstm"}}},
          {"train", {{"epochs", 2}}},
          {"folder", "runs/1"}};
}

TEST(Job, is_read_with_what_may_be_left_out) {
  const Job job = read_job(dump_json(complete())).value();
  EXPECT_EQ(job.dataset, "d.jsonl");
  EXPECT_EQ(job.candidate["type"], "lstm");
  EXPECT_FALSE(job.tensorboard);
  EXPECT_EQ(job.threads, 1);
  EXPECT_FALSE(job.refit);
  Json with = complete();
  with["tensorboard"] = "events";
  with["threads"] = 2;
  with["spec_text"] = "name: x";
  with["rows"] = "training and validation";
  EXPECT_TRUE(read_job(dump_json(with)).value().refit);
  with["rows"] = "training";
  EXPECT_FALSE(read_job(dump_json(with)).value().refit);
  EXPECT_EQ(read_job(dump_json(with)).value().tensorboard, "events");
  EXPECT_EQ(read_job(dump_json(with)).value().threads, 2);
  with["tensorboard"] = nullptr;
  EXPECT_FALSE(read_job(dump_json(with)).value().tensorboard);
}

TEST(Job, says_what_is_missing_unknown_or_wrong) {
  const auto message_with = [](const char* key, Json value) {
    Json json = complete();
    if (value.is_discarded()) json.erase(key);
    else json[key] = std::move(value);
    const auto job = read_job(dump_json(json));
    EXPECT_FALSE(job) << key;
    if (job) return std::string();
    EXPECT_EQ(job.error().code, Code::kInvalidArgument) << key;
    return job.error().message;
  };
  EXPECT_NE(message_with("dataset", Json(Json::value_t::discarded)).find("dataset"), std::string::npos);
  EXPECT_NE(message_with("kind", "explain").find("known: train"), std::string::npos);
  EXPECT_NE(message_with("thread", 2).find("did you mean threads?"), std::string::npos);
  EXPECT_NE(message_with("candidate", 3).find("candidate"), std::string::npos);
  EXPECT_NE(message_with("rows", "all").find("training and validation"), std::string::npos);
  EXPECT_NE(message_with("threads", 0).find("threads is out of range: 0"), std::string::npos);
  EXPECT_EQ(read_job("{").error().code, Code::kInvalidArgument);
}

}  // namespace
}  // namespace amas::worker
