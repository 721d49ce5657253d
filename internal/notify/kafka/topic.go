package kafka

import (
	"context"
	"errors"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// awaitTopic has the brokers make the topic if it is not there and they do so
// when asked, and waits until it can be produced to: a topic that is being made
// fails nothing. One that they do not make is an error after topicWait.
func (p *producer) awaitTopic(ctx context.Context, client *kgo.Client) error {
	late := time.NewTimer(topicWait)
	defer late.Stop()
	pace := time.NewTicker(metadataAge)
	defer pace.Stop()
	isNew := false
	for {
		partitions, err := p.metadata(ctx, client, true)
		switch {
		case errors.Is(err, kerr.UnknownTopicOrPartition), errors.Is(err, kerr.LeaderNotAvailable):
			isNew = true
		case err != nil:
			return err
		case !isNew || p.led(ctx, client, partitions) == nil:
			return nil
		}
		select {
		case <-pace.C:
		case <-late.C:
			return err // if there is none, those partitions that have a leader can be produced to
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// metadata returns the partitions of the topic; mayMake allows brokers to make it
// for that.
func (p *producer) metadata(ctx context.Context, client *kgo.Client, mayMake bool) ([]kmsg.MetadataResponseTopicPartition, error) {
	topic := kmsg.NewMetadataRequestTopic()
	topic.Topic = kmsg.StringPtr(p.topic)
	req := kmsg.NewPtrMetadataRequest()
	req.Topics, req.AllowAutoTopicCreation = append(req.Topics, topic), mayMake
	resp, err := req.RequestWith(ctx, client)
	if err != nil {
		return nil, err
	}
	if len(resp.Topics) != 1 {
		return nil, kerr.UnknownTopicOrPartition
	}
	return resp.Topics[0].Partitions, kerr.ErrorForCode(resp.Topics[0].ErrorCode)
}

// led says why a partition cannot be produced to. Its leader answers for where
// it ends; what metadata says of a leader comes before the leader knows.
func (p *producer) led(ctx context.Context, client *kgo.Client, partitions []kmsg.MetadataResponseTopicPartition) error {
	topic := kmsg.NewListOffsetsRequestTopic()
	topic.Topic = p.topic
	for _, partition := range partitions {
		ask := kmsg.NewListOffsetsRequestTopicPartition()
		ask.Partition, ask.Timestamp = partition.Partition, endOfPartition
		topic.Partitions = append(topic.Partitions, ask)
	}
	req := kmsg.NewPtrListOffsetsRequest()
	req.Topics = append(req.Topics, topic)
	resp, err := req.RequestWith(ctx, client)
	if err != nil {
		return err
	}
	for _, t := range resp.Topics {
		for _, partition := range t.Partitions {
			if err := kerr.ErrorForCode(partition.ErrorCode); err != nil {
				return err
			}
		}
	}
	return nil
}

// endOfPartition is the time in ListOffsets that stands for the end.
const endOfPartition = -1
